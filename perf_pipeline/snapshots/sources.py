"""A source of a sweep: one SQL file, how its rows are kept, and when it is read. Pure."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import polars as pl

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.copy import Schema
from perf_pipeline.postgres.sqlfiles import SqlFile
from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.families import Family
from perf_pipeline.snapshots.reader import Visit

#: Sweeps do not come to the second: a source is due this share of its cadence early, at most these
#: seconds, so that "every 15 minutes" is every third sweep of five minutes, not every fourth.
EARLY_SHARE: Final = 0.1
EARLY_SECONDS: Final = 30.0

_NO_SIGN: Final = ""
_CADENCE = re.compile(r"^every (?:(?P<count>\d+) )?(?P<unit>minute|hour|day)s?$")
_SECONDS: Final = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}


@dataclass(frozen=True, eq=False)
class Source:
    """One family of statistics as a sweep reads it.

    Attributes
    ----------
    name : str
        Of its SQL file in sql/snapshots (with its variants by major version), of its state, and,
        unless `table` says otherwise, of its table in the store's schema `ledger`.
    schema : Mapping of column to polars dtype
        Columns as the SQL returns them.
    kind : str
        `counters`: totals, whose differences `deltas.interval` takes by `family`; the rows of a
        sweep are kept for the next one. `sample`: rows that are true at the instant they are read.
        `changes`: what differs from the last reading (settings). `survey`: some rows are read anew
        each time (`is_new`), for the ledger; all are kept for the next time.
    stats : str
        The asset `<target>/stats/<stats>` it is shown on.
    family : Family or None
        Of counters.
    arrange : callable or None
        Pure: from the rows the SQL returned to counters of the family, or columns of the table.
    table : str
        Ledger table; default: `name`.
    binary : bool
        Whether its rows travel in binary (`postgres.fixed`): for thousands of numbers.
    is_local : bool
        Whether its `follow_up` needs this machine alone: it then goes on as soon as the rows are
        there, while the server reads the next.
    follow_up : callable or None
        What is to be done with the rows after the sweep's transaction, on the same connection or on
        this machine; None instead of rows: there is nothing to keep.

    The header of the SQL file says the rest: `cadence` (default: every sweep), `scope` (`database`,
    or `instance` for what is the same in all databases of a server), `minimum version`, and
    `extension`, without which the source is absent. Its `{extension}` is that extension's schema.
    `only with` names a sign of `signs.sql`, without which there is nothing to read.

    Rows of counters that are not read at every sweep have a column `previous_ts` (timestamptz): the
    start of their own interval.

    """

    name: str
    schema: Schema
    kind: Literal["counters", "sample", "changes", "survey"]
    stats: str
    family: Family | None = None
    arrange: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    table: str = ""
    binary: bool = False
    is_local: bool = False
    follow_up: Callable[[pl.DataFrame, Visit], pl.DataFrame | None] | None = None

    @property
    def ledger_table(self) -> str:
        """The table of schema `ledger` its rows go to."""
        return self.table or self.name

    def file(self, major: int) -> SqlFile:
        """Return the SQL for a server of this major version."""
        return sqlfiles.load(f"snapshots/{self.name}", major)

    def every_seconds(self, major: int) -> float:
        """Return the usual seconds between two readings; 0 is every sweep."""
        return every_seconds(self.file(major))

    def is_instance_wide(self, major: int) -> bool:
        """Whether all databases of a server tell the same."""
        return scope(self.file(major)) == "instance"


def every_seconds(file: SqlFile) -> float:
    """Return the seconds of a file's `cadence`; 0 for every sweep, the default.

    Raises
    ------
    ConfigurationError
        It is none of `every sweep`, `every hour`, `every day`, `every N minutes|hours|days`.

    """
    said = file.header.get("cadence", "every sweep")
    if said == "every sweep":
        return 0.0
    match = _CADENCE.match(said)
    if match is None:
        raise ConfigurationError(
            f"{file.path.name}: cadence {said!r} is not understood",
            "write 'every sweep', 'every hour', 'every day' or 'every N minutes'",
        )
    return int(match["count"] or 1) * _SECONDS[match["unit"]]


def scope(file: SqlFile) -> Literal["database", "instance"]:
    """Return a file's `scope`, `database` by default.

    Raises
    ------
    ConfigurationError
        It is another word.

    """
    said = file.header.get("scope", "database")
    if said == "instance":
        return "instance"
    if said == "database":
        return "database"
    raise ConfigurationError(
        f"{file.path.name}: scope {said!r} is not known", "write 'database' or 'instance'"
    )


def attempt(name: str) -> str:
    """Return under which name a failed reading of a source is remembered."""
    return f"{name} (failed)"


def due(
    sources: Iterable[Source],
    seen: Mapping[str, Observation],
    now: datetime,
    major: int,
    holds_server: bool,
    extensions: Collection[str] = (),
    signs: Collection[str] | None = None,
) -> list[Source]:
    """Return the sources that a sweep reads, in their order.

    Parameters
    ----------
    sources : Iterable of Source
    seen : Mapping of source name to Observation
        Of the sweep that read it last; under `attempt(name)`, of the last one that could not: it
        is tried again after its cadence, not at the next sweep.
    now : datetime
        The sweep's instant by the clock of `seen`, aware. A clock that went back makes all due.
    major : int
        Of the server; sources with a later minimum version are absent.
    holds_server : bool
        Whether this target reads what is the same in all databases of its server.
    extensions : Collection of str
        Installed in the database; a source that needs another one is absent.
    signs : Collection of str, optional
        What `signs.sql` found; None: it could not be read, all signs may be there.

    """
    chosen = []
    for source in sources:
        file = source.file(major)
        extension = file.header.get("extension")
        if file.minimum_version > major or (extension and extension not in extensions):
            continue
        if scope(file) == "instance" and not holds_server:
            continue
        if signs is not None and file.header.get("only with", _NO_SIGN) not in {*signs, _NO_SIGN}:
            continue
        every = every_seconds(file)
        known = [seen[name].ts for name in (source.name, attempt(source.name)) if name in seen]
        if every and known:
            early = min(EARLY_SHARE * every, EARLY_SECONDS)
            if 0 <= (now - max(known)).total_seconds() < every - early:
                continue
        chosen.append(source)
    return chosen
