"""The embedded PostgreSQL server: start or attach, stop, databases."""

import atexit
import contextlib
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from perf_pipeline.embedded import binaries as programs
from perf_pipeline.embedded import config, endpoint, locks, place, probe, process
from perf_pipeline.embedded.endpoint import Endpoint
from perf_pipeline.embedded.guard import DISMISS_SECONDS, Guard
from perf_pipeline.embedded.launch import POLL_SECONDS, START_SECONDS, Site, launch
from perf_pipeline.errors import BusyError, ServerStartError, UnreachableError
from perf_pipeline.settings import ENDPOINT_FILE

#: Seconds to wait for another process that starts or stops the same server.
LOCK_SECONDS = START_SECONDS + 30.0


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
        self.directory = directory.expanduser().resolve()
        self._pg_bin = pg_bin
        self._settings = dict(settings or {})
        self._port = port
        self._mutex = threading.RLock()
        self._guard: Guard | None = None

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
        return self._guard is not None and self._guard.alive()

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
            found = programs.find(self._pg_bin)
            config.render(0, self.directory, self._settings)  # a wrong setting fails before work
            place.make(self.directory)
            try:
                with self._start_lock():
                    return self._start(found)
            except OSError as error:
                raise ServerStartError(
                    f"the embedded server in {self.directory} cannot be started: {error}",
                    "set PERF_HOME to a folder that you may write, on a disk with free space",
                ) from error

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
            # Negative: the watchdog was killed, the server was not.
            unwatched = self._dismiss() < 0
            if not (unwatched or force) or not self.directory.is_dir():
                return
            with self._start_lock():
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
        return found is not None and probe.state(found) in probe.ANSWERING

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

    def _start_lock(self) -> contextlib.AbstractContextManager[None]:
        what = "starting or stopping the embedded server"
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

    def _start(self, binaries: programs.Binaries) -> Endpoint:
        who = place.identity(self.directory)
        home = place.home(self.directory, who)
        site = Site(self.directory, home, place.runnable(binaries, who), who)
        found = self._attach(site)
        if found is not None:
            return found
        self._dismiss()
        self._end()
        self._guard, found = launch(site, self._settings, self._port)
        _OWNED.add(self)
        return found

    def _attach(self, site: Site) -> Endpoint | None:
        """Return the endpoint of a supervised, answering server; None when there is none.

        One that is supervised but does not answer is about to stop, or recovers: wait for it.
        """
        begin = time.monotonic()
        while locks.is_held(self._watch_lock):
            found = endpoint.read(self.directory)
            waited = time.monotonic() - begin
            if found is not None and probe.state(found) in probe.ANSWERING:
                return found
            # The watchdog removes the file just before it stops the server; somebody else may
            # have removed it under a server that stays.
            if found is None and waited > _FORGOTTEN_SECONDS:
                found = site.known_endpoint()
                if found is not None and probe.state(found) in probe.ANSWERING:
                    endpoint.write(found)
                    return found
            if waited > START_SECONDS:
                raise ServerStartError(
                    f"the embedded server in {self.directory} runs but does not answer "
                    f"(watchdog: process {locks.watchdog_pid(self._watch_lock)})",
                    f"end that process and start again; its log is {site.log}",
                )
            time.sleep(POLL_SECONDS)
        return None

    def _end(self) -> None:
        """End a server that we did not start, or whose watchdog was killed."""
        deadline = time.monotonic() + DISMISS_SECONDS
        while (pid := locks.watchdog_pid(self._watch_lock)) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
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

    def _dismiss(self) -> int:
        """Let the watchdog stop the server we own; return its exit status, 0 without one."""
        guard, self._guard = self._guard, None
        _OWNED.discard(self)
        return 0 if guard is None else guard.dismiss()

    def _disown(self) -> None:
        """Forget the server in a forked child: only the parent owns it."""
        if self._guard is not None:
            self._guard.disown()
            self._guard = None
        self._mutex = threading.RLock()  # another thread of the parent may have held it


#: After so many seconds a missing endpoint file under a living watchdog is written again.
_FORGOTTEN_SECONDS = 1.0

#: The servers this process owns; kept alive until stopped.
_OWNED: set[EmbeddedServer] = set()


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
