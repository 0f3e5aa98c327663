"""Backups and drills of a target, each with a row in the log of maintenance."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from perf_pipeline import settings
from perf_pipeline.embedded import locks, place
from perf_pipeline.errors import ConfigurationError, PerfPipelineError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.recovery import backup as backups
from perf_pipeline.recovery import drills, scratch, wal
from perf_pipeline.recovery.model import GOALS, Backup, Drilled, Kind, Policy
from perf_pipeline.recovery.programs import of_major
from perf_pipeline.store import Store
from perf_pipeline.store.maintenance_log import MaintenanceLog, recent

BACKUP: Final = "recovery.backup"
DRILL: Final = "recovery.drill"
#: A backup begun by hand waits for another so long; scheduled ones wait in Dagster's queue.
_WAIT_S: Final = 30.0
#: A promise is believed for so long: the monthly drill, and one that was missed.
BELIEVED: Final = timedelta(days=62)


def folder_of(target: Target, policy: Policy) -> Path:
    """Return where a target's backups lie."""
    folder = policy.folder or settings.current().home_dir / "recovery" / target.name
    return folder.expanduser().absolute()


def site(target: Target, policy: Policy) -> drills.Site:
    """Return what backups and drills of a target work with; its folder is made.

    Raises
    ------
    UnreachableError
        The server is away.
    ConfigurationError
        This machine lacks the programs of its major; the folder cannot be made, or not be entered
        by the user who runs them.

    """
    folder = folder_of(target, policy)
    url = pg.libpq_url(target.maintenance_url())
    with pg.session(url, read_only=True, autocommit=True) as session:
        major = session.info.server_version // 10_000
    _make(folder)
    programs = of_major(major, folder)
    if not place.may(programs.who, "test", "-x", folder):
        raise ConfigurationError(
            f"recovery: folder: user {programs.who.name}, who runs PostgreSQL's programs, may not "
            f"enter {folder}",
            "let others pass (chmod o+x) through it and the folders above, or name another one",
        )
    return drills.Site(url, policy, folder, programs)


def _make(folder: Path) -> None:
    """Make a folder where there is none; one that is there keeps its mode, it may be anybody's."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in missing:
            each.chmod(0o711)
        (folder / ".lock").touch(mode=0o600)
    except OSError as error:
        raise ConfigurationError(
            f"recovery: folder: {folder} cannot be used: {error.strerror}",
            "name a folder that we may write, on a disk with room for the backups",
        ) from error


@contextmanager
def alone(folder: Path, target: str, seconds: float = _WAIT_S) -> Iterator[None]:
    """Keep every other backup and drill out of a folder, and remove what killed ones left there.

    Parameters
    ----------
    folder : Path
        Of one target's backups.
    target : str
        Whose.
    seconds : float
        How long to wait for another process.

    Raises
    ------
    BusyError
        Another backup or drill works there.
    ConfigurationError
        The folder holds another target's backups: a drill would prove the wrong server.

    """
    with locks.hold(folder / ".lock", seconds, f"backing up or drilling {target}"):
        mark = folder / ".target"
        owner = mark.read_text().strip() if mark.is_file() else ""
        if owner not in {"", target}:  # empty: killed while it was written
            raise ConfigurationError(
                f"recovery: folder: {folder} holds the backups of target {owner!r}",
                f"give {target!r} a folder of its own",
            )
        mark.write_text(f"{target}\n")
        for rest in backups.broken(folder):
            scratch.clear(rest)
        yield


def take_backup(store: Store, target: Target, policy: Policy) -> Backup:
    """Take and prove a base backup of a target; see `drills.base_backup`."""
    where = site(target, policy)
    with (
        alone(where.folder, target.name),
        MaintenanceLog(store, target.name) as log,
        log.operation(BACKUP, target.name) as entry,
    ):
        made = drills.base_backup(where)
        entry.bytes = made.bytes
        entry.detail = {"name": made.name, "seconds": made.seconds, "major": made.major}
    return made


def drill(store: Store, target: Target, policy: Policy, kind: Kind) -> Drilled:
    """Carry a drill of a target out; see `drills.drill`."""
    where = site(target, policy)
    with (
        alone(where.folder, target.name),
        MaintenanceLog(store, target.name) as log,
        log.operation(DRILL, kind) as entry,
    ):
        found = drills.drill(where, kind)
        entry.detail = {
            "seconds": found.seconds,
            "goal_s": found.goal_s,
            "proof": found.proof,
            "lost": list(found.lost),
        }
        if not found.met:
            entry.outcome = "failed"
            entry.error = "; ".join(found.lost) or f"took longer than {found.goal_s:g} s"
    return found


def drilled(store: Store, target: str) -> dict[Kind, Mapping[str, Any]]:
    """Return the last drill of each kind, as the log has it."""
    rows = recent(store, target, operation=DRILL)
    found: dict[Kind, Mapping[str, Any]] = {}
    for row in rows:
        kind = next((each for each in GOALS if each == row["object"]), None)
        if kind is not None and row["outcome"] != "running":
            found.setdefault(kind, row)
    return found


def unproven(
    policy: Policy, found: Mapping[Kind, Mapping[str, Any]], now: datetime
) -> dict[Kind, str]:
    """Return the promises that nothing proves, each with why; pure.

    Parameters
    ----------
    policy : Policy
    found : Mapping
        Of `drilled`.
    now : datetime

    """
    why: dict[Kind, str] = {}
    for kind in policy.kinds:
        row = found.get(kind)
        if row is None:
            why[kind] = "never drilled"
        elif row["outcome"] != "done":
            why[kind] = f"{row['outcome']} on {row['started_at']:%Y-%m-%d}: {row['error']}"
        elif now - row["started_at"] > BELIEVED:
            why[kind] = f"last drilled on {row['started_at']:%Y-%m-%d}"
        elif row["detail"]["seconds"] > policy.goals[kind]:
            why[kind] = (
                f"took {row['detail']['seconds']:.0f} s on {row['started_at']:%Y-%m-%d}, "
                f"promised are {policy.goals[kind]:.0f}"
            )
    return why


def wal_lacks(target: Target) -> list[str]:
    """Return what the target's WAL lacks for recovery to a moment; see `wal.lacks`."""
    with (
        pg.session(target.url(), read_only=True, autocommit=True) as session,
        session.cursor(row_factory=dict_row) as cursor,
    ):
        row = cursor.execute(sqlfiles.load("recovery/wal").text).fetchone()
    return wal.lacks(row) if row is not None else []


def with_folder(policy: Policy, folder: Path | None) -> Policy:
    """Return a policy whose backups lie elsewhere, or as it is."""
    return policy if folder is None else replace(policy, folder=folder)


def status(store: Store, target: Target, policy: Policy) -> dict[str, Any]:
    """Return backups, drills, what is unproven and what its WAL lacks, for people and programs.

    `not_asked` says why the server could not tell of its WAL; what lies here is told without it.
    """
    found = drilled(store, target.name)
    kept: Sequence[Backup] = backups.listed(folder_of(target, policy))
    try:
        wal_lacks_now, away = wal_lacks(target), ""
    except (PerfPipelineError, psycopg.Error) as error:  # what lies here is told all the same
        wal_lacks_now, away = [], str(error).strip().splitlines()[0]
    return {
        "target": target.name,
        "backups": [
            {"name": each.name, "major": each.major, "bytes": each.bytes, "seconds": each.seconds}
            for each in kept
        ],
        "drills": [
            {
                "kind": kind,
                "at": row["started_at"],
                "outcome": row["outcome"],
                "seconds": row["detail"].get("seconds"),
                "goal_s": policy.goals[kind],
                "proof": row["detail"].get("proof"),
            }
            for kind, row in found.items()
        ],
        "unproven": unproven(policy, found, datetime.now(UTC)),
        "wal": wal_lacks_now,
        "not_asked": away,
    }
