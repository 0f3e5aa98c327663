"""The embedded PostgreSQL server: start or attach, stop, databases."""

import atexit
import contextlib
import json
import os
import secrets
import select
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from perf_pipeline.embedded import binaries as programs
from perf_pipeline.embedded import cluster, config, endpoint, locks, place, probe, process, watchdog
from perf_pipeline.embedded.binaries import Binaries
from perf_pipeline.embedded.endpoint import Endpoint
from perf_pipeline.embedded.place import Identity
from perf_pipeline.embedded.probe import State
from perf_pipeline.errors import BusyError, ServerStartError, UnreachableError
from perf_pipeline.settings import ENDPOINT_FILE

#: Seconds a start may take, crash recovery included.
START_SECONDS = 60.0

#: Seconds to wait for another process that starts or stops the same server.
LOCK_SECONDS = 90.0

#: Seconds between two looks at a starting server.
POLL_SECONDS = 0.02

#: What PostgreSQL says while orphaned backends of a killed postmaster are still ending.
_STILL_ENDING = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')


@dataclass(frozen=True)
class _Site:
    """All that is fixed once a directory and its server's user are known."""

    directory: Path
    home: Path
    binaries: Binaries
    who: Identity

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"


class EmbeddedServer:
    """A private PostgreSQL server in a directory.

    The process that starts it owns it: when that process ends, by whatever means, the server is
    stopped. Other processes that call `start` attach to the running one.

    Parameters
    ----------
    directory : Path
        Where it lives; made when absent.
    pg_bin : Path, optional
        bin folder of the PostgreSQL to run; default the packaged one.
    settings : mapping of str to str, optional
        Server settings beside or instead of `config.DEFAULTS`; used when this call starts it.
    port : int, optional
        TCP port on 127.0.0.1; default a free one, kept for the next start while it stays free.

    """

    def __init__(
        self,
        directory: Path,
        *,
        pg_bin: Path | None = None,
        settings: Mapping[str, str] | None = None,
        port: int | None = None,
    ) -> None:
        self.directory = directory.expanduser().absolute()
        self._pg_bin = pg_bin
        self._settings = dict(settings or {})
        self._port = port
        self._mutex = threading.RLock()
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def owner(self) -> bool:
        """Whether this object started the running server, so that `stop` stops it."""
        return self._watchdog is not None and self._watchdog.poll() is None

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.directory / "server.log"

    def start(self) -> Endpoint:
        """Start the server, or attach to it when it already runs; make its data at first use.

        Returns
        -------
        Endpoint
            Also written to `<directory>/endpoint.json` (mode 0600).

        Raises
        ------
        ConfigurationError
            No usable programs, data of another major version, a setting that is not allowed.
        ServerStartError
            It did not come up within `START_SECONDS`; the message holds the end of its log.
        BusyError
            Another process was starting it for longer than `LOCK_SECONDS`.

        """
        with self._mutex:
            binaries = programs.find(self._pg_bin)
            config.render(0, self.directory, self._settings)  # a wrong setting fails before work
            who = place.identity()
            place.make(self.directory, who)
            with self._start_lock("starting the embedded server"):
                home = place.home(self.directory, who)
                site = _Site(self.directory, home, place.runnable(binaries, who), who)
                found = self._attach(site)
                return found if found is not None else self._launch(site)

    def stop(self, *, force: bool = False) -> None:
        """Stop the server if this object started it.

        Parameters
        ----------
        force : bool
            Stop it also when another process owns it.

        Raises
        ------
        ServerStartError
            It did not stop.

        """
        with self._mutex:
            if self._watchdog is not None:
                unwatched = self._dismiss() < 0  # the watchdog was killed, the server was not
            else:
                unwatched = False
            if not (unwatched or force) or not self.directory.is_dir():
                return
            with self._start_lock("starting the embedded server"):
                if force or not locks.is_held(self._watch_lock):
                    self._end()

    def url(self, database: str = "postgres") -> str:
        """Return `postgresql://user:password@127.0.0.1:port/database`.

        Raises
        ------
        UnreachableError
            The server is not running.

        """
        return self._endpoint().url(database)

    def running(self) -> bool:
        """Return whether the server answers a connection."""
        found = endpoint.read(self.directory)
        return found is not None and probe.state(found) in {State.HEALTHY, State.FULL}

    def ensure_database(self, name: str, template: str | None = None) -> None:
        """Create a database unless it exists.

        Parameters
        ----------
        name : str
            Its name, taken literally.
        template : str, optional
            Database to copy; nobody may be connected to it.

        Raises
        ------
        BusyError
            Somebody is connected to the template.
        UnreachableError
            The server is not running, or refuses.

        """
        found = self._endpoint()
        with self._session(found) as connection:
            query = "SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s"
            if connection.execute(query, [name]).fetchone() is not None:
                return
            statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
            if template is not None:
                statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
            try:
                connection.execute(statement)
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return  # another process was first
            except psycopg.errors.ObjectInUse as error:
                raise BusyError(
                    f"database {template!r} cannot be copied: somebody is connected to it",
                    "close the connections to the template first",
                ) from error

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, ending the sessions in it.

        Raises
        ------
        UnreachableError
            The server is not running, or refuses.

        """
        with self._session(self._endpoint()) as connection:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(name)))

    # -- below: the parts of start and stop ---------------------------------------------------

    @property
    def _watch_lock(self) -> Path:
        """Held by the watchdog while it supervises a server."""
        return self.directory / "watchdog.lock"

    def _start_lock(self, what: str) -> contextlib.AbstractContextManager[None]:
        return locks.hold(self.directory / "start.lock", LOCK_SECONDS, what)

    def _endpoint(self) -> Endpoint:
        found = endpoint.read(self.directory)
        if found is None:
            raise UnreachableError(
                f"the embedded server in {self.directory} is not running",
                "start it with `perf-pipeline dev` or `perf-pipeline demo`",
            )
        return found

    @staticmethod
    def _session(found: Endpoint) -> psycopg.Connection:
        try:
            return probe.connect(found)
        except psycopg.Error as error:
            raise UnreachableError(
                f"the embedded server at {found.host}:{found.port} refuses a connection: {error}",
                "start it again with `perf-pipeline dev` or `perf-pipeline demo`",
            ) from error

    def _attach(self, site: _Site) -> Endpoint | None:
        """Return the endpoint of a supervised, answering server; None when there is none.

        One that is supervised but does not answer is starting to stop, or recovers: wait for it.
        """
        deadline = time.monotonic() + START_SECONDS
        while locks.is_held(self._watch_lock):
            found = endpoint.read(self.directory)
            if found is not None and probe.state(found) in {State.HEALTHY, State.FULL}:
                return found
            if time.monotonic() > deadline:
                raise ServerStartError(
                    f"the embedded server in {self.directory} runs but does not answer "
                    f"(watchdog: process {locks.watchdog_pid(self._watch_lock)})",
                    f"end that process and start again; its log is {site.log}",
                )
            time.sleep(POLL_SECONDS)
        return None

    def _end(self) -> None:
        """End a server that we did not start, or whose watchdog was killed."""
        deadline = time.monotonic() + watchdog.FAST_SECONDS + 3 * watchdog.IMMEDIATE_SECONDS
        while (pid := locks.watchdog_pid(self._watch_lock)) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 15)
            if time.monotonic() > deadline:
                raise ServerStartError(
                    f"the embedded server in {self.directory} does not stop",
                    f"end process {pid} by hand",
                )
            time.sleep(POLL_SECONDS)
        found = endpoint.read(self.directory)
        if found is not None:
            process.end(found.pid, found.data_directory)
            (self.directory / ENDPOINT_FILE).unlink(missing_ok=True)

    def _launch(self, site: _Site) -> Endpoint:
        """Bring up a server that nobody supervises."""
        self._watchdog = None
        self._end()
        password, lost = self._password()
        if not site.data.exists():
            cluster.initialise(site.data, site.binaries, site.who, password)
            lost = False
        cluster.check(site.data, site.binaries, site.who)
        pid = process.postmaster_pid(site.data)
        if pid is not None:
            process.end(pid, site.data)
        process.disarm_stale_pid(site.data)
        if lost:
            cluster.set_password(site.data, site.binaries, site.who, password)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return self._try(site, password, deadline)
            except _TryAgainError:
                time.sleep(5 * POLL_SECONDS)

    def _password(self) -> tuple[str, bool]:
        """Return the superuser's password and whether it is new."""
        path = self.directory / "password"
        with contextlib.suppress(OSError):
            if (kept := path.read_text().strip()).isalnum():
                return kept, False
        password = secrets.token_hex(24)
        endpoint.write_private(path, password + "\n")
        return password, True

    def _try(self, site: _Site, password: str, deadline: float) -> Endpoint:
        """Start the watchdog and its postmaster once, wait until it answers."""
        kept = self.directory / "port"
        port = self._port
        if port is None:
            with contextlib.suppress(OSError, ValueError):
                port = int(kept.read_text())
            port = probe.free_port(port)
            endpoint.write_private(kept, f"{port}\n")
        begin = site.log.stat().st_size if site.log.exists() else 0
        self._spawn(site, port)
        try:
            found = self._await(site, port, password, deadline)
            if found is not None:
                endpoint.write(found)
                _OWNED.add(self)
                return found
        except BaseException:  # Ctrl-C, too: no server without an owner
            self._dismiss()
            raise
        running = self.owner
        self._dismiss()
        said = _tail(site.log, begin)
        again = any(text in said for text in _STILL_ENDING)
        again = again or ("could not bind" in said and self._port is None)
        if again and time.monotonic() < deadline:
            raise _TryAgainError
        how = f"did not answer within {START_SECONDS:.0f} s" if running else "ended while starting"
        raise ServerStartError(
            f"the embedded server in {self.directory} {how}; the end of {site.log}:\n{said}",
            "mend what the log says; free disk space or memory, or set PERF_HOME to another folder",
        )

    def _spawn(self, site: _Site, port: int) -> None:
        """Write the configuration and start the watchdog, which starts the postmaster."""
        mode = 0o600 if site.who.uid is None else 0o644  # no secret in them
        conf, hba = site.home / "postgresql.conf", site.home / "pg_hba.conf"
        endpoint.write_private(hba, config.HBA, mode)
        endpoint.write_private(conf, config.render(port, hba, self._settings), mode)
        order = {
            "command": [
                *(str(site.binaries.program("postgres")), "-D", str(site.data)),
                *("-c", f"config_file={conf}"),
            ],
            "environment": cluster.environment(),
            "uid": site.who.uid,
            "gid": site.who.gid,
            "log": str(site.log),
            "lock": str(self._watch_lock),
            "endpoint": str(self.directory / ENDPOINT_FILE),
            "owner": os.getpid(),
        }
        self._watchdog = subprocess.Popen(
            [place.interpreter(), "-I", "-S", watchdog.__file__, json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            start_new_session=True,
        )

    def _await(self, site: _Site, port: int, password: str, deadline: float) -> Endpoint | None:
        """Return the endpoint once the server answers, None when it ended or time is up."""
        guard = self._watchdog
        if guard is None or guard.stdout is None:  # pragma: no cover: _spawn made both
            return None
        ready, _, _ = select.select([guard.stdout], [], [], max(0.0, deadline - time.monotonic()))
        told = guard.stdout.readline() if ready else b""
        if not told:
            return None
        pid = int(told)
        found = Endpoint(
            *("127.0.0.1", port, cluster.USER, password, pid),
            directory=self.directory,
            data_directory=site.data,
        )
        while guard.poll() is None and time.monotonic() < deadline:
            if process.is_ready(pid, site.data):
                state = probe.state(found)
                if state in {State.HEALTHY, State.FULL}:
                    return found
                if state is State.REFUSED:
                    self._dismiss()
                    cluster.set_password(site.data, site.binaries, site.who, password)
                    raise _TryAgainError
            time.sleep(POLL_SECONDS)
        return None

    def _dismiss(self) -> int:
        """Let the watchdog stop the server, wait for both; return the watchdog's exit status."""
        guard, self._watchdog = self._watchdog, None
        _OWNED.discard(self)
        if guard is None:
            return 0
        for pipe in (guard.stdin, guard.stdout):
            if pipe is not None:
                pipe.close()
        try:
            return guard.wait(watchdog.FAST_SECONDS + 3 * watchdog.IMMEDIATE_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise ServerStartError(
                f"the embedded server in {self.directory} does not stop",
                f"end process {guard.pid} by hand",
            ) from error

    def _disown(self) -> None:
        """Forget the server in a forked child: only the parent owns it."""
        if self._watchdog is not None:
            for pipe in (self._watchdog.stdin, self._watchdog.stdout):
                if pipe is not None:
                    pipe.close()
            self._watchdog.returncode = 0  # not our child: nothing to reap
            self._watchdog = None
        self._mutex = threading.RLock()


class _TryAgainError(Exception):
    """What hindered this start passes by itself."""


#: The servers this process owns; kept alive until stopped.
_OWNED: set[EmbeddedServer] = set()


def _tail(log: Path, begin: int, size: int = 3000) -> str:
    """Return the end of what a log got since an offset."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(begin if begin <= end else 0, end - size))
            return file.read().decode(errors="replace").strip() or "(nothing)"
    except OSError as error:
        return f"(no log: {error})"


@atexit.register
def _stop_all() -> None:
    for server in list(_OWNED):
        with contextlib.suppress(ServerStartError):  # the watchdog goes on trying
            server.stop()


def _disown_all() -> None:
    for server in list(_OWNED):
        server._disown()
    _OWNED.clear()


os.register_at_fork(after_in_child=_disown_all)
