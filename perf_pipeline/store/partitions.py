"""Day and month partitions of the store's own tables: what is missing, and creating it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import psycopg
from psycopg import sql

from perf_pipeline.postgres import sqlfiles
from perf_pipeline.store.engine import Store

#: Tables of one row per interval and key: dropped by day.
DAILY = (
    "sweeps",
    "statements",
    "tables",
    "indexes",
    "database",
    "activity",
    "settings_changes",
    "schema_changes",
    "locks",
    "connections",
    "resources",
    "progress",
    "replication",
    "slots",
    "bloat",
    "host",
    "table_io",
    "functions",
    "io",
    "wal",
    "checkpointer",
    "archiver",
)
#: Small, kept long: dropped by month.
MONTHLY = (
    ("ledger", "statements_hourly"),
    ("ledger", "statements_daily"),
    ("ledger", "tables_daily"),
    ("ledger", "indexes_daily"),
    ("ledger", "database_hourly"),
    ("perf_mgmt", "statement_baselines"),
    ("perf_mgmt", "findings"),
    ("perf_mgmt", "slow_queries"),
    ("perf_mgmt", "calibration"),
    ("perf_mgmt", "detectability"),
)


@dataclass(frozen=True, order=True)
class Partition:
    """One partition: `[start, end)` in UTC."""

    schema: str
    parent: str
    start: date
    end: date

    @property
    def name(self) -> str:
        """`parent_YYYY_MM` or `parent_YYYY_MM_DD`."""
        pattern = "%Y_%m_%d" if (self.end - self.start).days == 1 else "%Y_%m"
        return f"{self.parent}_{self.start:{pattern}}"


def _month(day: date) -> tuple[date, date]:
    start = day.replace(day=1)
    return start, (start + timedelta(days=32)).replace(day=1)


def needed(days: Iterable[date]) -> list[Partition]:
    """Return the partitions that rows of these UTC days need, sorted.

    Parameters
    ----------
    days : Iterable of date

    """
    wanted: set[Partition] = set()
    for day in days:
        wanted.update(Partition("ledger", parent, day, day + timedelta(days=1)) for parent in DAILY)
        wanted.update(Partition(schema, parent, *_month(day)) for schema, parent in MONTHLY)
    return sorted(wanted)


def missing(wanted: Iterable[Partition], existing: Collection[str]) -> list[Partition]:
    """Return those wanted partitions whose `schema.name` does not exist, in their order."""
    return [part for part in wanted if f"{part.schema}.{part.name}" not in existing]


@lru_cache(maxsize=64)
def _needed(start: date, days: int) -> list[Partition]:
    return needed(start + timedelta(days=offset) for offset in range(days))


def ensure(
    connection: psycopg.Connection,
    first: date,
    last: date | None = None,
    *,
    table: tuple[str, str] | None = None,
) -> int:
    """Create what the days `first` to `last` need; nothing when all is there.

    Parameters
    ----------
    connection : psycopg.Connection
        In a transaction of the store's; the partitions commit with the rows that need them.
    first, last : date
        UTC days, `last` included; default `last` is `first`.
    table : tuple of str, optional
        Schema and name of the one partitioned table that will be written; default: all of them.

    Returns
    -------
    int
        Partitions created.

    """
    wanted = _needed(first, ((last or first) - first).days + 1)
    if table is not None:
        wanted = [part for part in wanted if (part.schema, part.parent) == table]
    existing = _existing(connection, wanted)
    todo = missing(wanted, existing)
    if not todo:
        return 0
    # Two writers may want the same day: the second waits here, then finds it done.
    connection.execute(sqlfiles.load("store/lock_partitions").text)
    todo = missing(todo, _existing(connection, todo))
    for part in todo:
        _create(connection, part)
    return len(todo)


def look_ahead(store: Store, today: date) -> int:
    """Create today's and tomorrow's partitions, so that the sweep after midnight need not.

    Parameters
    ----------
    store : Store
    today : date
        UTC.

    Returns
    -------
    int
        Partitions created.

    """
    with store.begin() as connection:
        return ensure(connection, today, today + timedelta(days=1))


def _create(connection: psycopg.Connection, part: Partition) -> None:
    """Create a table, then attach it: CREATE ... PARTITION OF would shut out all readers."""
    name = sql.Identifier(part.schema, part.name)
    parent = sql.Identifier(part.schema, part.parent)
    connection.execute(
        sql.SQL(
            "CREATE TABLE {name} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
            " INCLUDING STORAGE)"
        ).format(name=name, parent=parent)
    )
    connection.execute(
        sql.SQL("ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({}) TO ({})").format(
            sql.Literal(part.start.isoformat()),
            sql.Literal(part.end.isoformat()),
            name=name,
            parent=parent,
        )
    )


def _existing(connection: psycopg.Connection, wanted: Iterable[Partition]) -> set[str]:
    names = [f"{part.schema}.{part.name}" for part in wanted]
    rows = connection.execute(
        sqlfiles.load("store/existing_relations").text, {"names": names}
    ).fetchall()
    return {row[0] for row in rows}
