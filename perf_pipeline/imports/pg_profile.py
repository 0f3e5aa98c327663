"""History of a pg_profile repository: its own differences between two samples, the busiest only."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.imports import versions
from perf_pipeline.imports.columns import RAW
from perf_pipeline.imports.intervals import needed, spacing
from perf_pipeline.imports.model import Interval
from perf_pipeline.imports.reading import Repository, choose
from perf_pipeline.imports.samples import Sample, apart, interval
from perf_pipeline.imports.texts import READ_CHARACTERS, pages
from perf_pipeline.snapshots.evidence import Observation

#: Samples read at once; each keeps a few hundred statements at most.
GROUP_SAMPLES = 500

_FIELDS = (
    "sample_id",
    "userid",
    "dbid",
    "queryid",
    "toplevel",
    "calls",
    "total_exec_time",
    "{squares}",
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
    "{blocks}",
    "wal_records",
    "wal_fpi",
    "wal_bytes",
)
_JIT = ("jit_functions", "jit_time")
_OLD_BLOCKS = ("blk_read_time", "blk_write_time")
_NEW_BLOCKS = (
    "shared_blk_read_time",
    "shared_blk_write_time",
    "local_blk_read_time",
    "local_blk_write_time",
)
#: Columns of `pg_profile_rows_<variant>.sql`, in its order: squares, block times, what comes last.
_VARIANTS = {
    "40": ("stddev_exec_time", _OLD_BLOCKS, ()),
    "42": ("stddev_exec_time", _OLD_BLOCKS, _JIT),
    "47": ("sum_exec_time_sq", _NEW_BLOCKS, (*_JIT, "stats_since")),
}


def fields(variant: str) -> dict[str, pl.DataType]:
    """Return the columns that the SQL file of a layout returns, with their types."""
    squares, blocks, last = _VARIANTS[variant]
    names: list[str] = []
    for name in _FIELDS:
        names += {"{squares}": [squares], "{blocks}": list(blocks)}.get(name, [name])
    return {name: RAW.get(name, pl.Int64()) for name in (*names, *last)}


@dataclass(frozen=True)
class _Facts:
    """What the repository knows of the server from some instant on."""

    since: datetime
    values: dict[str, str]


class ProfileHistory:
    """The history of one database of one server in a pg_profile repository.

    Parameters
    ----------
    repository : Repository
        Closed with the history.
    server, database : str, optional
        Name or number; name or oid. Default: the only one.
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
        found = choose(repository.rows("pg_profile_servers"), server, "id", "server", "--server")
        self._about = {"server_id": found["id"]}
        chosen = choose(
            repository.rows("pg_profile_databases", self._about),
            database,
            "dbid",
            "database",
            "--database",
        )
        self._about["dbid"] = chosen["dbid"]
        self.name = f"{repository.layout.name}, server {found['name']}, database {chosen['name']}"
        facts = _facts(repository.rows("pg_profile_settings", self._about))
        rows = repository.rows("pg_profile_samples", self._about)
        self._samples = apart(self._sample(row, facts, server_version) for row in rows)
        self.instants: Sequence[datetime] = [sample.observation.ts for sample in self._samples]
        self.majors = frozenset(
            sample.observation.server_version_num // 10_000 for sample in self._samples
        )
        self._expected = spacing(self.instants, self.name)
        self._before = dict(zip(self.instants, self._predecessors(), strict=True))
        self.baselines = frozenset(ts for ts, before in self._before.items() if before is None)
        self._negative = 0

    def notes(self) -> list[str]:
        """Return what is worth knowing of the whole of it."""
        notes = [
            "pg_profile keeps the busiest statements of each sample only; by default it resets"
            " pg_stat_statements, and what ran between its reading and its reset is in no sample:"
            " its figures are lower bounds",
        ]
        if self._negative:
            notes.append(
                f"{self._negative} rows left out: a counter was negative, the statement had begun"
                " again unnoticed"
            )
        return notes

    def intervals(self, wanted: Callable[[date], bool]) -> Iterator[Interval]:
        """Yield the intervals of the wanted days, in order of time."""
        chosen = [self._samples[index] for index, _ in needed(self.instants, wanted)]
        schema = fields(self._repository.layout.variant)
        for start in range(0, len(chosen), GROUP_SAMPLES):
            group = chosen[start : start + GROUP_SAMPLES]
            numbers = [sample.number for sample in group]
            rows = self._repository.frame(
                f"pg_profile_rows_{self._repository.layout.variant}",
                schema,
                {**self._about, "first": min(numbers), "last": max(numbers)},
            )
            parts = rows.partition_by("sample_id", as_dict=True, include_key=False)
            nothing = rows.clear().drop("sample_id")
            for sample in group:
                before = self._before[sample.observation.ts]
                raw = parts.get((sample.number,), nothing)
                made, negative = interval(before, sample, raw, self._expected)
                self._negative += negative
                yield made

    def texts(self) -> Iterator[pl.DataFrame]:
        """Yield the texts of the database's statements, redacted."""
        return pages(
            lambda after: self._repository.frame(
                "pg_profile_texts",
                {name: RAW[name] for name in ("userid", "dbid", "queryid", "query")},
                {**self._about, **after, "characters": READ_CHARACTERS},
            )
        )

    def close(self) -> None:
        """End the session."""
        self._repository.close()

    def _predecessors(self) -> list[Sample | None]:
        """Return the sample that each was compared with: the number before it, with statements."""
        known = {sample.number: sample for sample in self._samples if sample.has_statements}
        found = []
        for sample in self._samples:
            before = known.get(sample.number - 1) if sample.has_statements else None
            earlier = before is not None and before.observation.ts < sample.observation.ts
            found.append(before if earlier else None)  # else the clock was set back
        return found

    def _sample(
        self, row: dict[str, Any], facts: Sequence[_Facts], server_version: int | None
    ) -> Sample:
        ts = row["ts"].astimezone(UTC)
        known = next((fact.values for fact in reversed(facts) if fact.since <= ts), {})
        version = server_version or _version(known, self.name)
        return Sample(
            number=row["sample_id"],
            has_statements=row["has_statements"],
            observation=Observation(
                ts=ts,
                server_version_num=version,
                system_identifier=_number(known.get("system_identifier")),
                postmaster_start=_instant(known.get("pg_postmaster_start_time")),
                database_stats_reset=row["stats_reset"],
            ),
            statements=row["statements"],
            calls=row["calls"],
            total_exec_time=row["total_exec_time"],
        )


def _facts(rows: Sequence[dict[str, Any]]) -> list[_Facts]:
    found: list[_Facts] = []
    values: dict[str, str] = {}
    for row in rows:
        values = {**values, row["name"]: row["value"]}
        found.append(_Facts(row["ts"].astimezone(UTC), values))
    return found


def _version(known: dict[str, str], where: str) -> int:
    told = known.get("server_version_num") or known.get("version")
    if told:
        return versions.number(told, where)
    raise ConfigurationError(
        f"{where}: the repository does not say which PostgreSQL it is",
        "pass it, for example --server-version 15",
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _instant(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:  # written in another date style than ISO
        return None
    return found.astimezone(UTC) if found is not None and found.tzinfo else None
