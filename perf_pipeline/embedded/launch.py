"""Bring up a server that nobody supervises, whatever its last run left behind."""

import contextlib
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perf_pipeline.embedded import cluster, config, endpoint, probe, process
from perf_pipeline.embedded.binaries import Binaries
from perf_pipeline.embedded.endpoint import Endpoint
from perf_pipeline.embedded.guard import Guard
from perf_pipeline.embedded.place import Identity
from perf_pipeline.embedded.probe import State
from perf_pipeline.errors import ServerStartError
from perf_pipeline.settings import ENDPOINT_FILE

#: Seconds a start may take, crash recovery included.
START_SECONDS = 60.0

#: Seconds between two looks at a starting server.
POLL_SECONDS = 0.02

#: What PostgreSQL says while orphaned backends of a killed postmaster are still ending.
_STILL_ENDING = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')


@dataclass(frozen=True)
class Site:
    """Where one server lives, what runs it, as whom.

    Attributes
    ----------
    directory : Path
        What the caller chose: endpoint, password, locks, log.
    home : Path
        Holds the data and the configuration; `directory` unless that is closed to `who`.
    binaries : Binaries
        Programs that `who` may run.
    who : Identity
        The server's user.

    """

    directory: Path
    home: Path
    binaries: Binaries
    who: Identity

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.directory / "server.log"

    @property
    def lock(self) -> Path:
        """Held by the watchdog while it supervises a server."""
        return self.directory / "watchdog.lock"

    def endpoint(self, port: int, password: str, pid: int) -> Endpoint:
        """Return the endpoint of this server."""
        return Endpoint(
            *("127.0.0.1", port, cluster.USER, password, pid),
            directory=self.directory,
            data_directory=self.data,
        )

    def known_endpoint(self) -> Endpoint | None:
        """Return the endpoint from what lies around, for when its file was removed."""
        pid = process.postmaster_pid(self.data)
        password = _kept_password(self.directory)
        try:
            port = int((self.directory / "port").read_text())
        except (OSError, ValueError):
            return None
        return self.endpoint(port, password, pid) if pid is not None and password else None


class _PassingError(Exception):
    """What hindered this attempt passes by itself, or has been mended."""


def launch(site: Site, settings: Mapping[str, str], port: int | None) -> tuple[Guard, Endpoint]:
    """Start the server.

    Makes the data at first use, ends an orphaned postmaster of the same data, replaces a lost
    password, recovers from a crash.

    Parameters
    ----------
    site : Site
        No watchdog may hold its lock.
    settings : mapping of str to str
        See `config.render`.
    port : int, optional
        TCP port; default the last one, or another when that is taken.

    Returns
    -------
    Guard
        To be kept: the server lives as long as it.
    Endpoint
        Already written to the endpoint file.

    Raises
    ------
    ServerStartError, ConfigurationError
        See `EmbeddedServer.start`.

    """
    kept = _kept_password(site.directory)
    password = kept or secrets.token_hex(24)
    if kept is None:
        endpoint.write_private(site.directory / "password", password + "\n")
    fresh = not site.data.exists()
    if fresh:
        cluster.initialise(site.data, site.binaries, site.who, password)
    cluster.check(site.data, site.binaries, site.who)
    pid = process.postmaster_pid(site.data)
    if pid is not None:
        process.end(pid, site.data)
        process.disarm(pid, site.data)
    if kept is None and not fresh:
        cluster.set_password(site.data, site.binaries, site.who, password)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return _attempt(site, settings, port, password, deadline)
        except _PassingError:
            time.sleep(5 * POLL_SECONDS)


def _kept_password(directory: Path) -> str | None:
    try:
        kept = (directory / "password").read_text().strip()
    except OSError:
        return None
    return kept if kept.isalnum() else None


def _choose_port(site: Site, asked: int | None) -> int:
    """Return the port of this start, and keep it for the next."""
    kept = site.directory / "port"
    port = asked
    if port is None:
        with contextlib.suppress(OSError, ValueError):
            port = int(kept.read_text())
        port = probe.free_port(port)
    endpoint.write_private(kept, f"{port}\n")
    return port


def _attempt(
    site: Site, settings: Mapping[str, str], asked: int | None, password: str, deadline: float
) -> tuple[Guard, Endpoint]:
    """Start the watchdog and its postmaster once, wait until it answers."""
    port = _choose_port(site, asked)
    order = _order(site, settings, port)
    begin = site.log.stat().st_size if site.log.exists() else 0
    guard = Guard(order)
    try:
        found, state = _await(guard, site, port, password, deadline)
        if found is not None:
            endpoint.write(found)
            return guard, found
    except BaseException:  # Ctrl-C, too: no server without an owner
        guard.dismiss()
        raise
    timed_out = guard.alive()
    guard.dismiss()
    said = _tail(site.log, begin)
    in_time = time.monotonic() < deadline
    if state is State.REFUSED and in_time:
        cluster.set_password(site.data, site.binaries, site.who, password)
        raise _PassingError
    passes = any(text in said for text in _STILL_ENDING)
    passes = passes or ("could not bind" in said and asked is None)
    if passes and in_time:
        raise _PassingError
    how = f"did not answer within {START_SECONDS:.0f} s" if timed_out else "ended while starting"
    raise ServerStartError(
        f"the embedded server in {site.directory} {how}; the end of {site.log}:\n{said}",
        "mend what the log says; free disk space or memory, or set PERF_HOME to another folder",
    )


def _order(site: Site, settings: Mapping[str, str], port: int) -> dict[str, object]:
    """Write the configuration, return what the watchdog is to do."""
    mode = 0o600 if site.who.uid is None else 0o644  # no secret in them
    conf, hba = site.home / "postgresql.conf", site.home / "pg_hba.conf"
    endpoint.write_private(hba, config.HBA, mode)
    endpoint.write_private(conf, config.render(port, hba, settings), mode)
    postgres = site.binaries.program("postgres")
    return {
        "command": [str(postgres), "-D", str(site.data), "-c", f"config_file={conf}"],
        "environment": cluster.environment(),
        "uid": site.who.uid,
        "gid": site.who.gid,
        "log": str(site.log),
        "lock": str(site.lock),
        "endpoint": str(site.directory / ENDPOINT_FILE),
    }


def _await(
    guard: Guard, site: Site, port: int, password: str, deadline: float
) -> tuple[Endpoint | None, State]:
    """Return the endpoint once the server answers, None when it ended, refused or time is up."""
    state = State.ABSENT
    pid = guard.postmaster(deadline)
    if pid is None:
        return None, state
    found = site.endpoint(port, password, pid)
    while guard.alive() and time.monotonic() < deadline:
        if process.is_ready(pid, site.data):
            state = probe.state(found)
            if state in probe.ANSWERING:
                return found, state
            if state is State.REFUSED:
                break
        time.sleep(POLL_SECONDS)
    return None, state


def _tail(log: Path, begin: int, size: int = 3000) -> str:
    """Return the end of what a log got since an offset."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(begin if begin <= end else 0, end - size))
            return file.read().decode(errors="replace").strip() or "(nothing)"
    except OSError as error:
        return f"(no log: {error})"
