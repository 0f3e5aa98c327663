"""Where the embedded server answers: the endpoint file beside its data."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import quote

from perf_pipeline.settings import ENDPOINT_FILE


@dataclass(frozen=True)
class Endpoint:
    """Address and credentials of one running embedded server.

    Attributes
    ----------
    host, port, user, password
        For a connection over TCP, scram-sha-256; the host is always 127.0.0.1.
    pid : int
        Process id of the postmaster.
    directory : Path
        What the server was asked to live in; holds the endpoint file.
    data_directory : Path
        PostgreSQL's data: beneath `directory`, elsewhere only when we are root and the server's
        user may not enter `directory`.

    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    pid: int
    directory: Path
    data_directory: Path

    def url(self, database: str = "postgres") -> str:
        """Return `postgresql://user:password@host:port/database`."""
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        name = quote(database, safe="")
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{name}"


def read(directory: Path) -> Endpoint | None:
    """Read the endpoint file of a directory.

    Returns
    -------
    Endpoint or None
        None when there is none, it is not one of ours, or it tells of another directory's server
        (the folder was copied while its server ran).

    """
    try:
        values = json.loads((directory / ENDPOINT_FILE).read_text())
        found = Endpoint(
            host=str(values["host"]),
            port=int(values["port"]),
            user=str(values["user"]),
            password=str(values["password"]),
            pid=int(values["pid"]),
            directory=Path(values["directory"]),
            data_directory=Path(values["data_directory"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.directory == directory else None


def write(endpoint: Endpoint) -> None:
    """Write the endpoint file, whole or not at all, readable by its owner only."""
    values = asdict(endpoint)
    values["directory"] = str(endpoint.directory)
    values["data_directory"] = str(endpoint.data_directory)
    write_private(endpoint.directory / ENDPOINT_FILE, json.dumps(values, indent=2) + "\n")


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace a file atomically; never follows a link left in its place.

    Raises
    ------
    OSError
        The folder is not writable, or the disk is full.

    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)  # whatever the umask says
            file.write(text)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
