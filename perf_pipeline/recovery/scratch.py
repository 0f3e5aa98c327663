"""A copy that runs: started from a data directory, reached by nobody but us, gone afterwards."""

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from perf_pipeline.embedded import process
from perf_pipeline.errors import InputError
from perf_pipeline.recovery.backup import is_ours, own
from perf_pipeline.recovery.programs import PROGRAMS, ProgramError, Programs

#: A copy needs little: it serves a drill, beside servers that serve people.
SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "port": "5432",
    "archive_mode": "off",
    "shared_preload_libraries": "",
    "logging_collector": "off",
    "log_destination": "stderr",
    "ssl": "off",
    "shared_buffers": "64MB",
    "huge_pages": "off",
    "cluster_name": "perf-pipeline-drill",
}
#: The socket lies in a folder that only the server's user may enter.
_HBA: Final = "local all all trust\nlocal replication all trust\n"
_ELSEWHERE: Final = "perf-drill-"
_POLL_S: Final = 0.05
#: One that is ready refuses for good; the first few may be its start.
_REFUSALS: Final = 40
#: A killed process is gone at once, unless its disk holds it.
_END_S: Final = 20.0
#: The system's limit of a socket's path is 107 bytes, `/.s.PGSQL.5432` among them.
_MOST_PATH: Final = 107 - len("/.s.PGSQL.5432")


@dataclass
class Scratch:
    """One copy of a server in `folder/data`, with its socket and log beside it."""

    folder: Path
    programs: Programs
    user: str
    settings: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @cached_property
    def socket(self) -> Path:
        """A folder that nobody but the server's user and root may enter."""
        folder = self.folder / "socket"
        if len(str(folder)) > _MOST_PATH:
            folder = Path(tempfile.mkdtemp(prefix=_ELSEWHERE, dir="/tmp"))
        folder.mkdir(mode=0o700, exist_ok=True)
        own(folder, self.programs)
        return folder

    def url(self, database: str = "postgres") -> str:
        """Return how to reach it."""
        return psycopg.conninfo.make_conninfo(
            host=str(self.socket), port=5432, user=self.user, dbname=database
        )

    def start(self) -> None:
        """Start it; it may still recover when this returns."""
        # the server's own files may lie elsewhere, and name what only that machine has
        (self.folder / "hba.conf").write_text(_HBA)
        (self.folder / "ident.conf").write_text("")
        (self.folder / "postgresql.conf").write_text("# all by arguments\n")
        (self.data / "postgresql.auto.conf").write_text("")
        own(self.data / "postgresql.auto.conf", self.programs)
        chosen = {
            **SETTINGS,
            "unix_socket_directories": str(self.socket),
            "config_file": str(self.folder / "postgresql.conf"),
            "hba_file": str(self.folder / "hba.conf"),
            "ident_file": str(self.folder / "ident.conf"),
            **self.settings,
        }
        options = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.programs.binaries.program("postgres"), "-D", self.data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                umask=0o077,
                **self.programs.who.drop(),
            )

    def wait(self, seconds: float, database: str = "postgres", *, writable: bool = True) -> None:
        """Wait until it answers, and takes writes unless told otherwise.

        Raises
        ------
        ProgramError
            It ended, was not ready in time, or is ready and lets nobody in; the message holds the
            end of its log, or why it let nobody in.

        """
        deadline = time.monotonic() + seconds
        refused = 0
        while True:
            try:
                with self.session(database) as session:
                    row = session.execute("SELECT NOT pg_catalog.pg_is_in_recovery()").fetchone()
                    if row == (True,) or (row is not None and not writable):
                        return
            except psycopg.Error as error:
                pid = -1 if self._process is None else self._process.pid
                refused += process.is_ready(pid, self.data)
                if refused > _REFUSALS:
                    raise ProgramError(
                        f"the copy in {self.folder} lets nobody in: {error}",
                        f"the role {self.user} must be able to log in to {database} without "
                        "settings of its own or the database's that end its sessions",
                    ) from error
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise ProgramError(
                    f"the copy in {self.folder} {'ended' if ended else 'was not ready in time'}: "
                    f"{self.said()}",
                    "its log is server.log there; the message above names what it could not do",
                )
            time.sleep(_POLL_S)

    def said(self) -> str:
        """Return the end of its log."""
        with contextlib.suppress(OSError):
            return (self.folder / "server.log").read_text(errors="replace")[-1500:].strip()
        return "it left no log"

    def session(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """Connect to it, in autocommit."""
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=5)

    def kill(self) -> None:
        """End it as a machine that loses power would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._process = None
        shutil.rmtree(self.socket, ignore_errors=True)


@contextmanager
def room(parent: Path, name: str, programs: Programs) -> Iterator[Path]:
    """Make a folder that holds copies while the context is open, and nothing afterwards.

    What a killed drill left there, its running servers too, goes first.

    Raises
    ------
    InputError
        Somebody else's folder has that name.

    """
    folder = parent / f"drill-{name}"
    if folder.exists() and not is_ours(folder):
        raise InputError(
            f"{folder} cannot be read, or holds what no drill of ours has made",
            "move it elsewhere: drills work in folders of that name",
        )
    clear(folder)
    folder.mkdir(mode=0o700)
    own(folder, programs)
    try:
        yield folder
    finally:
        clear(folder)


def clear(folder: Path) -> None:
    """End every server and program that works in a folder, and remove it."""
    for pid_file in folder.glob("*/data/postmaster.pid"):
        pid = process.postmaster_pid(pid_file.parent)
        if pid is not None:
            socket = Path(pid_file.read_text().splitlines()[4])
            process.end(pid, pid_file.parent)
            if socket.name.startswith(_ELSEWHERE):
                shutil.rmtree(socket, ignore_errors=True)
    _end_programs(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _end_programs(folder: Path) -> None:
    """End what a killed backup or drill left running: a receiver of WAL would go on for ever."""
    if not folder.exists():
        return
    ended = []
    for each in psutil.process_iter(["cmdline"]):
        words = each.info["cmdline"] or [""]
        if Path(words[0]).name in PROGRAMS and any(_within(word, folder) for word in words[1:]):
            with contextlib.suppress(psutil.Error):
                each.kill()
                ended.append(each)
    psutil.wait_procs(ended, _END_S)


def _within(word: str, folder: Path) -> bool:
    return word.startswith("/") and Path(word).resolve().is_relative_to(folder.resolve())
