"""Rows of an export, sorted by day into temporary files: no export must fit into memory."""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from perf_pipeline.imports.intervals import merged
from perf_pipeline.imports.model import TEXT_KEY
from perf_pipeline.snapshots.families import STATEMENTS

#: Rows handled at once: about 130 MB.
GROUP_ROWS = 500_000

_KEYS = list(STATEMENTS.keys)
_COLUMNS = ["ts", *_KEYS, *STATEMENTS.totals, "stats_since", *STATEMENTS.extremes]
_TEXTS = {**{name: STATEMENTS.keys[name] for name in TEXT_KEY}, "query": pl.String()}


class Spool:
    """Temporary files of counters by day, and of texts; deleted by `close`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="perf-pipeline-import-")
        self._days: dict[date, list[Path]] = {}
        self._texts: list[Path] = []
        self._known = pl.DataFrame(schema={name: _TEXTS[name] for name in TEXT_KEY})
        self._counts: dict[datetime, int] = {}
        self._number = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows: `ts` (naive UTC) and what `columns.counters` returns, with all databases."""
        for ts, count in rows.group_by("ts").len().iter_rows():
            self._counts[ts] = self._counts.get(ts, 0) + count
        # files that have them and files that have not are read together
        lacking = [name for name in STATEMENTS.extremes if name not in rows.columns]
        alike = rows.with_columns(pl.lit(None, pl.Float64()).alias(name) for name in lacking)
        days = alike.select(_COLUMNS).with_columns(pl.col("ts").dt.date().alias("day"))
        for (day,), part in days.partition_by("day", as_dict=True, include_key=False).items():
            self._days.setdefault(day, []).append(self._write(part.sort("ts")))

    def add_texts(self, texts: pl.DataFrame) -> None:
        """Take redacted texts; the first of a key is kept."""
        new = texts.unique(list(TEXT_KEY), keep="first", maintain_order=True).join(
            self._known, on=list(TEXT_KEY), how="anti"
        )
        if new.is_empty():
            return
        self._known = pl.concat([self._known, new.select(TEXT_KEY)])
        self._texts.append(self._write(new.select(list(_TEXTS))))

    def without_text(self, keys: pl.DataFrame) -> pl.DataFrame:
        """Return those of some rows whose key has no text yet."""
        return keys.join(self._known, on=list(TEXT_KEY), how="anti")

    def texts(self) -> Iterator[pl.DataFrame]:
        """Yield the texts taken."""
        for file in self._texts:
            yield pl.read_parquet(file)

    @property
    def instants(self) -> list[datetime]:
        """The times of all rows, aware UTC, ascending."""
        return [ts.replace(tzinfo=UTC) for ts in sorted(self._counts)]

    def groups(self, instants: Sequence[datetime]) -> Iterator[list[datetime]]:
        """Yield instants, ascending, in groups that may be read at once."""
        group: list[datetime] = []
        held = 0
        for ts in instants:
            rows = self._counts[ts.replace(tzinfo=None)]
            far = bool(group) and ts - group[-1] > timedelta(days=1)
            if group and (held + rows > GROUP_ROWS or far):
                yield group
                group, held = [], 0
            group.append(ts)
            held += rows
        if group:
            yield group

    def read(self, group: Sequence[datetime], dbid: int | None = None) -> pl.DataFrame:
        """Return the rows of the instants from the first to the last of a group."""
        first, last = (ts.replace(tzinfo=None) for ts in (group[0], group[-1]))
        frame = pl.scan_parquet(self._files(first.date(), last.date())).filter(
            pl.col("ts").is_between(first, last)
        )
        return (frame if dbid is None else frame.filter(pl.col("dbid") == dbid)).collect()

    def check(self, where: str, *, has_toplevel: bool) -> int:
        """Return how many rows are there twice.

        Raises
        ------
        InputError
            A key occurs more often in one snapshot than one server can have it.

        """
        dropped = 0
        for group in self.groups(self.instants):
            first, last = (ts.replace(tzinfo=None) for ts in (group[0], group[-1]))
            twice = (
                pl.scan_parquet(self._files(first.date(), last.date()))
                .filter(pl.col("ts").is_between(first, last))
                .group_by("ts", *_KEYS)
                .len()
                .filter(pl.col("len") > 1)
                .collect()
            )
            if twice.is_empty():
                continue
            rows = self.read(group).join(twice, on=["ts", *_KEYS], how="semi").sort("ts", *_KEYS)
            for (ts,), frame in rows.partition_by(
                "ts", as_dict=True, include_key=False, maintain_order=True
            ).items():
                snapshot = f"{where}: snapshot of {ts:%Y-%m-%d %H:%M:%S} UTC"
                dropped += merged(frame, snapshot, has_toplevel=has_toplevel)[1]
        return dropped

    def databases(self) -> pl.DataFrame:
        """Return `dbid` and `rows` of each database, ascending."""
        every = [file for files in self._days.values() for file in files]
        if not every:
            return pl.DataFrame(schema={"dbid": pl.Int64(), "rows": pl.UInt32()})
        return (
            pl.scan_parquet(every)
            .group_by("dbid")
            .agg(pl.len().alias("rows"))
            .sort("dbid")
            .collect()
        )

    def close(self) -> None:
        """Delete the files."""
        self._folder.cleanup()

    def _files(self, first: date, last: date) -> list[Path]:
        return [
            file
            for day, files in sorted(self._days.items())
            if first <= day <= last
            for file in files
        ]

    def _write(self, frame: pl.DataFrame) -> Path:
        file = Path(self._folder.name) / f"{self._number}.parquet"
        self._number += 1
        frame.write_parquet(file)
        return file
