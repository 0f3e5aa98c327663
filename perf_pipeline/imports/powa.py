"""History of a PoWA repository: cumulative counters of each snapshot, packed by statement."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime

import polars as pl

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.imports import versions
from perf_pipeline.imports.columns import RAW, SINCE, counters
from perf_pipeline.imports.intervals import Snapshot, fold, merged, needed, spacing
from perf_pipeline.imports.model import Interval
from perf_pipeline.imports.reading import Repository, TooSlowError, choose
from perf_pipeline.imports.texts import READ_CHARACTERS, pages
from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.families import STATEMENTS

#: Rows asked for at once: about 130 MB here. The server unpacks every record of a statement's
#: generation (100 snapshots by default) to find some, so few large reads are better than many.
GROUP_ROWS = 500_000
MOST_SNAPSHOTS = 2_000

_FIELDS = (
    "ts",
    "userid",
    "dbid",
    "queryid",
    "toplevel",
    "calls",
    "total_exec_time",
    "plans",
    "total_plan_time",
    "rows",
    "shared_blks_hit",
    "shared_blks_read",
    "shared_blks_dirtied",
    "shared_blks_written",
    "local_blks_hit",
    "local_blks_read",
    "local_blks_dirtied",
    "local_blks_written",
    "temp_blks_read",
    "temp_blks_written",
    "blk_read_time",
    "blk_write_time",
    "wal_records",
    "wal_fpi",
    "wal_bytes",
    "jit_functions",
    "jit_time",
)
_LATER = {"41": {"toplevel", "jit_functions", "jit_time"}, "42": {"jit_functions", "jit_time"}}


class PowaHistory:
    """The history of one database of one server in a PoWA repository.

    Parameters
    ----------
    repository : Repository
        Closed with the history.
    server, database : str, optional
        Alias, host name or number; name or oid. Default: the only one.
    server_version : int, optional
        `server_version_num`, where the repository does not say.

    Raises
    ------
    ConfigurationError
        Several servers or databases and none chosen; the server's version is not known.

    """

    def __init__(
        self,
        repository: Repository,
        server: str | None = None,
        database: str | None = None,
        server_version: int | None = None,
    ) -> None:
        self._repository = repository
        self._server = choose(repository.rows("powa_servers"), server, "id", "server", "--server")
        self._about = {"srvid": self._server["id"]}
        found = choose(
            repository.rows("powa_databases", self._about),
            database,
            "dbid",
            "database",
            "--database",
        )
        self._about["dbid"] = found["dbid"]
        self.name = (
            f"{repository.layout.name}, server {self._server['name']}, database {found['name']}"
        )
        self._version = server_version or self._known_version()
        self.majors = frozenset({self._version // 10_000})
        self._statements = int(found["statements"])
        rows = repository.rows("powa_instants", self._about)
        self.instants: Sequence[datetime] = [row["ts"].astimezone(UTC) for row in rows]
        self.baselines = frozenset(self.instants[:1])
        self._expected = spacing(self.instants, self.name)
        self._has_toplevel = repository.layout.variant != "41"

    def notes(self) -> list[str]:
        """Return what is worth knowing of the whole of it."""
        notes = [
            "PoWA keeps no spread of execution times: percentiles of these days are not known; and"
            " nothing that proves an entry to be the same as before: its rows are lower bounds",
            f"all of it is taken as of PostgreSQL {self._version // 10_000}: PoWA does not say when"
            " a server was upgraded",
        ]
        if not self._has_toplevel:
            notes.append("this PoWA keeps no toplevel: nested and top-level calls are added up")
        return notes

    def intervals(self, wanted: Callable[[date], bool]) -> Iterator[Interval]:
        """Yield the intervals of the wanted days, in order of time."""
        return fold(self._snapshots(wanted), self._expected, complete=True)

    def texts(self) -> Iterator[pl.DataFrame]:
        """Yield the texts of the database's statements, redacted."""
        return pages(
            lambda after: self._repository.frame(
                "powa_texts",
                {name: RAW[name] for name in ("userid", "dbid", "queryid", "query")},
                {**self._about, **after, "characters": READ_CHARACTERS},
            )
        )

    def close(self) -> None:
        """End the session."""
        self._repository.close()

    def _known_version(self) -> int:
        if self._server["id"] == 0:  # the repository's own server
            return self._repository.server_version
        if self._server["version"]:
            return versions.number(self._server["version"], self.name)
        raise ConfigurationError(
            f"{self.name}: the repository does not say which PostgreSQL it is",
            "pass it, for example --server-version 15",
        )

    def _snapshots(self, wanted: Callable[[date], bool]) -> Iterator[Snapshot]:
        follows = {self.instants[index]: after for index, after in needed(self.instants, wanted)}
        todo = list(follows)
        size = max(1, min(MOST_SNAPSHOTS, GROUP_ROWS // max(1, self._statements)))
        while todo:
            group = todo[:size]
            try:
                rows = self._read(group)
            except TooSlowError:
                if size == 1:
                    raise
                size = max(1, min(size, len(group)) // 2)
                continue
            todo = todo[size:]
            frames = rows.partition_by("ts", as_dict=True, include_key=False)
            for ts in group:
                raw = frames.get((ts.replace(tzinfo=None),), rows.clear().drop("ts"))
                frame, _ = merged(self._counters(raw), self.name, has_toplevel=self._has_toplevel)
                yield Snapshot(
                    Observation(ts=ts, server_version_num=self._version), frame, follows[ts]
                )

    def _read(self, group: Sequence[datetime]) -> pl.DataFrame:
        variant = self._repository.layout.variant
        fields = [name for name in _FIELDS if name not in _LATER.get(variant, set())]
        kinds = {**RAW, "jit_time": pl.Float64()}
        return self._repository.frame(
            f"powa_rows_{variant}",
            {name: kinds[name] for name in fields},
            {**self._about, "first": group[0], "last": group[-1]},
        )

    def _counters(self, raw: pl.DataFrame) -> pl.DataFrame:
        # PoWA writes 0 for what a server's version does not have
        major = self._version // 10_000
        absent = [name for name in STATEMENTS.counters if SINCE.get(name, 0) > major]
        return counters(raw, absent)
