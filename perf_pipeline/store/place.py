"""Where archived files lie: a folder, or a bucket of an object store; five operations on bytes.

A file is whole or not there: it is written under a temporary name, fsynced and renamed, or sent
as one object. Names are never written twice with different content (`archive` names files by
their content), so that a reader needs no lock.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from perf_pipeline import settings
from perf_pipeline.errors import ArchiveError, ConfigurationError, UnreachableError

#: URL schemes served through the package obstore.
OBJECT_SCHEMES: Final = ("s3", "gs", "az", "abfs", "abfss")
#: A request that fails is sent again so often and so long: a nightly run may wait, but not hang.
_RETRIES: Final = 3
_RETRY_TIME: Final = timedelta(seconds=60)
_TEMPORARY: Final = ".tmp"


class Place(Protocol):
    """A flat set of files, named by relative paths with forward slashes."""

    @property
    def url(self) -> str:
        """The folder or URL, for messages."""

    def put(self, path: str, data: bytes) -> None:
        """Write a file, durably and all at once."""

    def get(self, path: str) -> bytes:
        """Return a file's bytes."""

    def local(self, path: str) -> Path | None:
        """Return where the file can be opened on this machine, None when it must be fetched."""

    def delete(self, path: str) -> None:
        """Delete a file; one that is not there is no error."""

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every file."""


def current() -> Place:
    """Return the archive of this process's settings.

    Raises
    ------
    ConfigurationError
        PERF_ARCHIVE_URL is no folder and no URL we know.

    """
    return open_place(settings.current().archive_place)


def open_place(url: str) -> Place:
    """Return the place a folder or URL names.

    Parameters
    ----------
    url : str
        A folder, `file:///folder`, or `s3://bucket/prefix` (gs, az, abfs, abfss), with credentials
        in the environment variables of that service's own tools.

    Raises
    ------
    ConfigurationError
        Another scheme, or the package that serves object stores is not installed.

    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        return Folder(Path(url))
    if scheme == "file":
        return Folder(Path(unquote(urlsplit(url).path)))
    if scheme in OBJECT_SCHEMES:
        return Bucket(url)
    raise ConfigurationError(
        f"PERF_ARCHIVE_URL={url!r}: the scheme {scheme!r} is not served",
        f"use a folder, file://, or one of {', '.join(f'{known}://' for known in OBJECT_SCHEMES)}",
    )


def _missing(place: str, path: str) -> ConfigurationError:
    return ConfigurationError(
        f"archive {place}: the file {path} is not there, and the store's list names it",
        "put it back, or let PERF_ARCHIVE_URL name the place the files are in",
    )


class Folder:
    """A folder of this machine, or one mounted on it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser().absolute()

    @property
    def url(self) -> str:
        """The folder."""
        return str(self._folder)

    def put(self, path: str, data: bytes) -> None:
        """Write, fsync, rename, and fsync the folder: after a power cut it is whole or absent.

        Raises
        ------
        ArchiveError
            There is no room, or the folder may not be written to; nothing is left of the file.

        """
        target = self._folder / path
        temporary = target.with_name(target.name + _TEMPORARY)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise ArchiveError(
                f"archive {self.url}: {path} ({len(data)} bytes) could not be written: "
                f"{error.strerror or error}",
                "make room there, or let PERF_ARCHIVE_URL name another place; run it again then",
            ) from error
        for folder in (target.parent, *target.parent.parents):
            _sync(folder)
            if folder == self._folder:
                break

    def get(self, path: str) -> bytes:
        """Return a file's bytes."""
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError as error:
            raise _missing(self.url, path) from error

    def local(self, path: str) -> Path | None:
        """Return the file's own path."""
        found = self._folder / path
        if not found.is_file():
            raise _missing(self.url, path)
        return found

    def delete(self, path: str) -> None:
        """Delete a file and the folders that are empty then."""
        target = self._folder / path
        target.unlink(missing_ok=True)
        for folder in (target.parent, *target.parent.parents):
            if folder == self._folder:
                break
            try:
                folder.rmdir()
            except OSError:  # not empty
                break

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every file; temporary ones of a killed run included."""
        return {
            found.relative_to(self._folder).as_posix(): found.stat().st_size
            for found in self._folder.rglob("*")
            if found.is_file()
        }


def _sync(folder: Path) -> None:
    if os.name != "posix":  # Windows cannot open a folder
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Bucket:
    """A prefix of a bucket; an object is written at once or not at all."""

    def __init__(self, url: str) -> None:
        try:
            import obstore
            from obstore import store as stores
        except ImportError as error:
            raise ConfigurationError(
                f"PERF_ARCHIVE_URL={url!r} needs the package obstore",
                "pip install 'perf-pipeline[object-store]'",
            ) from error
        self._api = obstore
        self._url = url
        with self._explained():
            self._store = stores.from_url(
                url, retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRY_TIME}
            )

    @property
    def url(self) -> str:
        """The URL; it holds no secret."""
        return self._url

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._api.exceptions.BaseError as error:
            said = str(error).strip().splitlines()[0]
            raise UnreachableError(
                f"archive {self._url}: {said}",
                "check the bucket, the network, and the credentials in the environment",
            ) from error

    def put(self, path: str, data: bytes) -> None:
        """Send one object."""
        with self._explained():
            self._api.put(self._store, path, data)

    def get(self, path: str) -> bytes:
        """Fetch one object."""
        with self._explained():
            try:
                return bytes(self._api.get(self._store, path).bytes())
            except FileNotFoundError as error:
                raise _missing(self._url, path) from error

    def local(self, path: str) -> Path | None:
        """Return None: it must be fetched."""
        return None

    def delete(self, path: str) -> None:
        """Delete one object; S3 does not tell whether there was one."""
        with self._explained():
            try:
                self._api.delete(self._store, path)
            except FileNotFoundError:
                return

    def sizes(self) -> dict[str, int]:
        """List every object under the prefix."""
        with self._explained():
            return {
                str(found["path"]): int(found["size"])
                for chunk in self._api.list(self._store)
                for found in chunk
            }
