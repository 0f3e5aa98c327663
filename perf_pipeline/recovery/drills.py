"""Drills: what is promised of recovery is done with copies, and timed.

The server only lends a backup and its WAL. Each drill proves by rows whose commit it knows: what
was committed before the loss must be there, what came after the moment asked for must not.
"""

import contextlib
import shlex
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from perf_pipeline.errors import UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.recovery import backup as backups
from perf_pipeline.recovery import tenant as tenants
from perf_pipeline.recovery.model import Backup, Drilled, Kind, Policy
from perf_pipeline.recovery.programs import Programs, end
from perf_pipeline.recovery.scratch import Scratch, room

#: Longer than any promise: a drill that is not done by then has failed.
_PATIENCE_S: Final = 6 * 3600.0
_COMMIT_S: Final = 0.02


@dataclass(frozen=True)
class Site:
    """What a drill works with.

    Attributes
    ----------
    url : str
        The server: a role with REPLICATION that owns or may create `perf_pipeline_meta`.
    folder : Path
        Of the target's backups.

    """

    url: str
    policy: Policy
    folder: Path
    programs: Programs

    @property
    def database(self) -> str:
        """The database of the target."""
        found = conninfo_to_dict(self.url)
        return str(found.get("dbname") or found.get("user") or "postgres")

    def copy(self, folder: Path, settings: Mapping[str, str], of: Backup) -> Scratch:
        """Return a copy that is not yet unpacked."""
        return Scratch(folder, self.programs, of.superuser, {**of.needs, **settings})


def base_backup(site: Site) -> Backup:
    """Take a backup, prove it, and remove those beyond what the policy keeps.

    Raises
    ------
    ProgramError
        It could not be taken, or is not what the server read; the older ones stay.

    """
    made = backups.take(
        site.url, site.policy, site.folder, site.programs, canary=_canary(site, "before a backup")
    )
    try:
        with room(site.folder, "verify", site.programs) as folder:
            backups.unpack(made, folder / "data", site.programs)
    except BaseException:
        backups.remove(made)
        raise
    for old in backups.expired(backups.listed(site.folder), site.policy.keep, made.name):
        backups.remove(old)
    return made


def drill(site: Site, kind: Kind) -> Drilled:
    """Carry one drill out.

    Raises
    ------
    ProgramError
        A copy could not be made or did not start.
    UnreachableError
        The server was lost on the way.
    ConfigurationError
        Nobody said whose rows a drill of one tenant is about, or there are none.

    """
    with room(site.folder, kind, site.programs) as folder:
        seconds, proof, lost = _DRILLS[kind](site, folder)
    return Drilled(kind, round(seconds, 3), site.policy.goals[kind], proof, lost)


Result = tuple[float, str, tuple[str, ...]]


def _full(site: Site, folder: Path) -> Result:
    newest = _newest(site)
    copy = site.copy(folder / "copy", {}, newest)
    began = time.monotonic()
    with _running(copy, newest, site):
        seconds = time.monotonic() - began
        with copy.session(site.database) as session:
            lost = _lost(session, [newest.canary], [])
            tables, rows = _read_all(session)
    proof = (
        f"backup {newest.name} matches its manifest, {tables} tables with {rows:,} rows were read"
    )
    return seconds, proof, lost


def _point_in_time(site: Site, folder: Path) -> Result:
    wal = folder / "wal"
    wal.mkdir(mode=0o700)
    backups.own(wal, site.programs)
    fresh = base_backup(site)
    backups.last_segment(fresh, wal)
    backups.own(wal, site.programs, whole=True)
    with _receiving(site, wal) as received:
        before = _canary(site, "before the moment asked for")
        with psycopg.connect(site.url, autocommit=True) as session:
            row = session.execute("SELECT pg_catalog.clock_timestamp()::text").fetchone()
        moment = str(row[0]) if row is not None else ""
        time.sleep(_COMMIT_S)
        after = _canary(site, "after the moment asked for")
        received()
    fetch = "; ".join(
        f"cp {shlex.quote(str(wal))}/%f{ending} %p 2>/dev/null && exit 0"
        for ending in ("", ".partial")
    )
    settings = {
        "restore_command": f"{fetch}; exit 1",
        "recovery_target_time": moment,
        "recovery_target_action": "promote",
    }
    copy = site.copy(folder / "copy", settings, fresh)
    began = time.monotonic()
    with _running(copy, fresh, site, signal_file="recovery.signal"):
        seconds = time.monotonic() - began
        with copy.session(site.database) as session:
            lost = _lost(session, [fresh.canary, before], [after])
    return seconds, f"what was committed until {moment} is there, what came after is not", lost


def _tenant(site: Site, folder: Path) -> Result:
    tenant = site.policy.tenant
    if tenant is None:
        return 0.0, "", ("recovery: tenant: is not declared",)
    newest = _newest(site)
    copy = site.copy(folder / "copy", {}, newest)
    began = time.monotonic()
    with _running(copy, newest, site):
        with copy.session(site.database) as session:
            session.execute("CREATE DATABASE perf_pipeline_returned TEMPLATE template0")
        schema = copy.socket / "schema.sql"
        options = ("--schema-only", "--no-owner", "--no-privileges", "--no-publications")
        site.programs.run(
            "pg_dump", *options, "-f", schema, url=copy.url(site.database), seconds=_PATIENCE_S
        )
        site.programs.run(
            "psql",
            *("-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", schema),
            url=copy.url("perf_pipeline_returned"),
            seconds=_PATIENCE_S,
        )
        with copy.session(site.database) as source, copy.session("perf_pipeline_returned") as into:
            copied = tenants.copy(source, into, tenant)
            seconds = time.monotonic() - began
    proof = (
        f"{sum(copied.values()):,} rows of {sum(map(bool, copied.values()))} tables whose "
        f"{tenant.column} is the tenant's are in a database of their own"
    )
    return seconds, proof, ()


def _failover(site: Site, folder: Path) -> Result:
    newest = _newest(site)
    settings = {"wal_level": "replica", "max_wal_senders": "4", "hot_standby": "on"}
    primary = site.copy(folder / "primary", settings, newest)
    with _running(primary, newest, site):
        standby = site.copy(
            folder / "standby",
            {**settings, "primary_conninfo": primary.url()},
            newest,
        )
        standby.folder.mkdir(mode=0o700)
        backups.own(standby.folder, site.programs)
        site.programs.run(
            "pg_basebackup",
            *("-D", standby.data, "--checkpoint=fast", "--wal-method=stream", "--no-password"),
            url=primary.url(site.database),
            seconds=_PATIENCE_S,
        )
        (standby.data / "standby.signal").touch()
        backups.own(standby.data / "standby.signal", site.programs)
        standby.start()
        try:
            standby.wait(_PATIENCE_S, site.database, writable=False)
            with primary.session(site.database) as session:
                session.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            with _writing(primary, site.database) as written:
                _until(lambda: len(written) > 1, _PATIENCE_S)
                began = time.monotonic()
                primary.kill()
            with standby.session(site.database) as session:
                session.execute("SELECT pg_catalog.pg_promote(true, 3600)")
            standby.wait(_PATIENCE_S, site.database)
            with standby.session(site.database) as session:
                _insert(session, "after the failover")
                seconds = time.monotonic() - began
                lost = _lost(session, written, [])
        finally:
            standby.kill()
    proof = f"{len(written)} commits answered until the loss are on the standby, which takes writes"
    return seconds, proof, lost


_DRILLS: Final[dict[Kind, Callable[[Site, Path], Result]]] = {
    "full": _full,
    "point_in_time": _point_in_time,
    "tenant": _tenant,
    "failover": _failover,
}


@contextmanager
def _running(
    copy: Scratch, of: Backup, site: Site, *, signal_file: str | None = None
) -> Iterator[None]:
    """Unpack a backup, start it, wait until it takes writes; end it with the context."""
    copy.folder.mkdir(mode=0o700)
    backups.own(copy.folder, site.programs)
    backups.unpack(of, copy.data, site.programs)
    if signal_file is not None:
        (copy.data / signal_file).touch()
        backups.own(copy.data / signal_file, site.programs)
    try:
        copy.start()
        copy.wait(_PATIENCE_S, site.database)
        yield
    finally:
        copy.kill()


@contextmanager
def _receiving(site: Site, wal: Path) -> Iterator[Callable[[], None]]:
    """Receive the server's WAL into a folder; yields what waits until all until now is there."""
    name = f"{pg.APPLICATION_NAME}:{uuid.uuid4().hex[:12]}"
    receiver = site.programs.start(
        "pg_receivewal",
        *("-D", wal, "--no-loop", "--synchronous", "--status-interval=1", "--no-password"),
        url=site.url,
        environment={"PGAPPNAME": name},
    )

    def flushed(lsn: str | None) -> bool:
        if receiver.poll() is not None:
            said = receiver.stdout.read() if receiver.stdout else ""
            raise UnreachableError(
                f"the server stopped sending its WAL: {said.strip()[-500:]}",
                "see its log; the role needs REPLICATION, max_wal_senders one more",
            )
        with psycopg.connect(site.url, autocommit=True) as session:
            query = sqlfiles.load("recovery/flushed").text
            return session.execute(query, {"name": name, "lsn": lsn}).fetchone() == (True,)

    def all_received() -> None:
        with psycopg.connect(site.url, autocommit=True) as session:
            row = session.execute("SELECT pg_catalog.pg_current_wal_flush_lsn()::text").fetchone()
        _until(lambda: flushed(row[0] if row else None), _PATIENCE_S)

    try:
        _until(lambda: flushed(None), 60.0)
        yield all_received
    finally:
        with contextlib.suppress(ProcessLookupError):
            receiver.send_signal(signal.SIGINT)
        with contextlib.suppress(Exception):
            receiver.wait(10)
        end(receiver)


@contextmanager
def _writing(copy: Scratch, database: str) -> Iterator[list[str]]:
    """Commit one row after the other until the server is gone; yields those that were answered."""
    written: list[str] = []

    def write() -> None:
        with contextlib.suppress(psycopg.Error), copy.session(database) as session:
            session.execute("SELECT pg_catalog.pg_reload_conf()")
            session.execute("SET synchronous_commit = on")
            while True:
                written.append(_insert(session, "until the loss"))

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    yield written
    thread.join(60)


def _until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"nothing happened for {seconds:.0f} s",
                "see the logs of the server, and try the drill again",
            )
        time.sleep(_COMMIT_S)


def _newest(site: Site) -> Backup:
    found = [each for each in backups.listed(site.folder) if each.canary]
    return found[0] if found else base_backup(site)


def _canary(site: Site, note: str) -> str:
    with psycopg.connect(site.url, autocommit=True) as session:
        install(session)
        session.execute("SET synchronous_commit = on")  # answered is written
        return _insert(session, note)


def install(session: psycopg.Connection[Any]) -> None:
    """Make the table of canaries, where it is not there."""
    for file in sqlfiles.folder("recovery/meta"):
        session.execute(file.text)


def _insert(session: psycopg.Connection[Any], note: str) -> str:
    canary = str(uuid.uuid4())
    session.execute(sqlfiles.load("recovery/canary_add").text, {"canary_id": canary, "note": note})
    return canary


def _lost(
    session: psycopg.Connection[Any], wanted: list[str], unwanted: list[str]
) -> tuple[str, ...]:
    """Return what is missing of `wanted` and there of `unwanted`, in words."""
    rows = session.execute(
        sqlfiles.load("recovery/canary_known").text, {"canary_ids": [*wanted, *unwanted]}
    ).fetchall()
    there = {row[0] for row in rows}
    missing = [f"commit {each} is missing" for each in wanted if each not in there]
    return tuple(missing + [f"commit {each} came later" for each in unwanted if each in there])


def _read_all(session: psycopg.Connection[Any]) -> tuple[int, int]:
    """Read every row of every table: a page that is damaged is met here, not in need."""
    names = session.execute(sqlfiles.load("recovery/tables").text, {"column": ""}).fetchall()
    rows = 0
    for schema, table, _ in names:
        query = sql.SQL("SELECT count(t.*) FROM {} AS t").format(sql.Identifier(schema, table))
        row = session.execute(query).fetchone()
        rows += row[0] if row is not None else 0
    return len(names), rows
