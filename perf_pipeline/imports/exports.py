"""Exports of pg_stat_statements: files with a time for each snapshot."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from perf_pipeline.errors import ConfigurationError, InputError
from perf_pipeline.imports import files, values, versions
from perf_pipeline.imports.columns import SINCE, counters, recognise
from perf_pipeline.imports.intervals import Snapshot, fold, merged, needed, returning_reset, spacing
from perf_pipeline.imports.model import TEXT_KEY, Interval, Progress, Silent
from perf_pipeline.imports.spool import Spool
from perf_pipeline.imports.texts import redacted
from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.families import STATEMENTS


@dataclass(frozen=True)
class Options:
    """What an export may not say itself.

    Attributes
    ----------
    timezone : zoneinfo.ZoneInfo or None
        Of times that name none.
    database : str or None
        Oid, or name where the export has a column `datname`.
    server : str or None
        Value of the column that names the server.
    server_version : int or None
        `server_version_num`, where the export does not say.
    complete : bool
        Each snapshot holds every entry, so that what appears is new.

    """

    timezone: ZoneInfo | None = None
    database: str | None = None
    server: str | None = None
    server_version: int | None = None
    complete: bool = False


@dataclass
class _Seen:
    """What the files say besides counters."""

    servers: set[str] = field(default_factory=set)
    resets: dict[datetime, datetime] = field(default_factory=dict)
    dealloc: dict[datetime, int] = field(default_factory=dict)
    versions: dict[datetime, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    oldest_major: int = 13
    has_toplevel: bool = True
    has_proof: bool = True
    left_out: int = 0


class FileHistory:
    """A history in files.

    Parameters
    ----------
    patterns : Sequence of str
        Files, folders, glob patterns.
    options : Options
    progress : Progress, optional
        Default: nothing is shown.

    Raises
    ------
    ConfigurationError, InputError
        No such file; a required column is missing; a value is not what its column holds; two
        servers, or several databases, and none chosen.

    """

    def __init__(
        self, patterns: Sequence[str], options: Options, progress: Progress | None = None
    ) -> None:
        self._files = files.find(patterns)
        self._options = options
        self._seen = _Seen()
        self._spool = Spool()
        try:
            with (progress or Silent()).bar("read the files", len(self._files)) as bar:
                for file in self._files:
                    self._take(file)
                    bar.advance()
            self._conclude()
        except BaseException:
            self._spool.close()
            raise

    @property
    def name(self) -> str:
        """What it is: the file, or how many there are."""
        what = self._files[0].name if len(self._files) == 1 else f"{len(self._files)} files"
        database = self._seen.names.get(self._dbid, str(self._dbid))
        return f"pg_stat_statements snapshots in {what}, database {database}"

    @property
    def instants(self) -> Sequence[datetime]:
        """When its snapshots were taken."""
        return self._instants

    @property
    def baselines(self) -> frozenset[datetime]:
        """The first snapshot."""
        return frozenset(self._instants[:1])

    @property
    def majors(self) -> frozenset[int]:
        """The PostgreSQL majors its snapshots come from."""
        return frozenset(number // 10_000 for number in self._versions.values())

    def notes(self) -> list[str]:
        """Return what is worth knowing of the whole of it."""
        seen, notes = self._seen, []
        missed = sorted(
            name for name in seen.missing if SINCE.get(name, 0) <= max(self.majors, default=99)
        )
        if missed:
            notes.append(f"columns that the export does not have stay empty: {', '.join(missed)}")
        if not self._options.complete:
            notes.append(
                "a statement's first appearance is not counted unless stats_since proves it new: a"
                " snapshot may hold the busiest statements only (--complete says it holds all)"
            )
        if seen.left_out:
            notes.append(
                f"{seen.left_out} rows left out: without queryid (hidden from the exporting role),"
                " or of an hour that the clocks of the time zone repeat"
            )
        if self._dropped:
            notes.append(f"{self._dropped} rows were there twice and are counted once")
        if not seen.has_proof:
            notes.append(
                "without stats_since, or min_exec_time and max_exec_time, nothing proves that an"
                " entry is the same as before: its rows are lower bounds"
            )
        if not seen.has_toplevel:
            notes.append("no column toplevel: nested and top-level calls are added up")
        return notes

    def intervals(self, wanted: Callable[[date], bool]) -> Iterator[Interval]:
        """Yield the intervals of the wanted days, in order of time."""
        return fold(self._snapshots(wanted), self._expected, complete=self._options.complete)

    def texts(self) -> Iterator[pl.DataFrame]:
        """Yield the texts of the database's statements, redacted."""
        for texts in self._spool.texts():
            chosen = texts.filter(pl.col("dbid") == self._dbid)
            if chosen.height:
                yield chosen

    def close(self) -> None:
        """Delete the temporary files."""
        self._spool.close()

    def _take(self, file: Path) -> None:
        names = files.names(file)
        columns = recognise(names, str(file))
        seen, options = self._seen, self._options
        seen.missing.update(columns.missing)
        seen.oldest_major = max(seen.oldest_major, columns.oldest_major)
        seen.has_toplevel = seen.has_toplevel and "toplevel" in columns.held
        proof = "stats_since" in columns.held or set(STATEMENTS.extremes) <= set(columns.held)
        seen.has_proof = seen.has_proof and proof
        for batch in files.batches(file, columns.held.values()):
            raw = batch.select(pl.col(actual).alias(name) for name, actual in columns.held.items())
            rows, left_out = values.typed(raw, str(file), options.timezone)
            seen.left_out += left_out
            if "server" in rows.columns:
                if options.server is not None:
                    rows = rows.filter(pl.col("server") == options.server)
                seen.servers.update(rows["server"].drop_nulls().unique())
            self._learn(rows, file)
            self._spool.add(pl.concat([rows.select("ts"), counters(rows)], how="horizontal"))

    def _learn(self, rows: pl.DataFrame, file: Path) -> None:
        seen = self._seen
        if "query" in rows.columns:
            keys = rows.select(*TEXT_KEY, "query").unique(list(TEXT_KEY), maintain_order=True)
            # redacted before anything is written, even to a temporary file
            self._spool.add_texts(redacted(self._spool.without_text(keys)))
        if "datname" in rows.columns:
            found = rows.select("dbid", "datname").drop_nulls().unique()
            seen.names.update(dict(found.iter_rows()))
        for ts, reset in _told(rows, "stats_reset"):
            known = reset.replace(tzinfo=UTC)
            if seen.resets.setdefault(ts, known) != known:
                raise _two_servers(f"{file}: snapshot of {ts:%Y-%m-%d %H:%M:%S %Z}")
        seen.dealloc.update(dict(_told(rows, "dealloc")))
        for ts, text in _told(rows, "server_version"):
            seen.versions[ts] = versions.number(text, str(file))

    def _conclude(self) -> None:
        """Check what can only be known of all files together."""
        seen, options = self._seen, self._options
        where = str(self._files[0]) if len(self._files) == 1 else f"{len(self._files)} files"
        if len(seen.servers) > 1:
            raise ConfigurationError(
                f"{where}: rows of several servers: {', '.join(sorted(seen.servers))}",
                "import one at a time: --server NAME",
            )
        self._instants = self._spool.instants
        if not self._instants:
            of = f" of server {options.server!r}" if options.server is not None else ""
            raise ConfigurationError(f"{where}: no snapshots{of}", "check the files and --server")
        self._expected = spacing(self._instants, where)
        mixed = returning_reset(sorted(seen.resets.items()))
        if mixed is not None:
            raise _two_servers(f"{where}: stats_reset goes back at {mixed:%Y-%m-%d %H:%M:%S %Z}")
        self._versions = self._known_versions(where)
        self._dropped = self._spool.check(where, has_toplevel=seen.has_toplevel)
        self._dbid = self._database(where)

    def _known_versions(self, where: str) -> dict[datetime, int]:
        told = self._seen.versions
        known = {ts: told.get(ts, self._options.server_version) for ts in self._instants}
        oldest = self._seen.oldest_major
        least = "13 or later" if oldest == 13 else f"{oldest} or later"
        found = {ts: number for ts, number in known.items() if number is not None}
        if len(found) < len(known):
            raise ConfigurationError(
                f"{where}: does not say which PostgreSQL it comes from (its columns: {least})",
                f"pass it, for example --server-version {max(oldest, 14)}",
            )
        wrong = next((number for number in found.values() if number // 10_000 < oldest), None)
        if wrong is not None:
            raise ConfigurationError(
                f"{where}: said to be of PostgreSQL {wrong // 10_000}, but it has columns of"
                f" PostgreSQL {least}",
                "pass the right --server-version",
            )
        return found

    def _database(self, where: str) -> int:
        names = self._seen.names
        found = self._spool.databases()
        dbids = found["dbid"].to_list()
        chosen = self._options.database
        match = [dbid for dbid in dbids if chosen in {None, str(dbid), names.get(dbid, "")}]
        if len(match) == 1:
            return int(match[0])
        listed = ", ".join(
            f"{dbid}{f' ({names[dbid]})' if dbid in names else ''}: {rows} rows"
            for dbid, rows in found.iter_rows()
        )
        said = "several databases" if chosen is None else f"no database {chosen!r}"
        raise ConfigurationError(
            f"{where}: {said}; it has {listed}",
            "choose the target's: --database OID (SELECT oid, datname FROM pg_database)",
        )

    def _snapshots(self, wanted: Callable[[date], bool]) -> Iterator[Snapshot]:
        chosen = needed(self._instants, wanted)
        follows = {self._instants[index]: after for index, after in chosen}
        seen = self._seen
        for group in self._spool.groups(list(follows)):
            rows = self._spool.read(group, self._dbid)
            frames = rows.partition_by("ts", as_dict=True, include_key=False)
            for ts in group:
                frame = frames.get((ts.replace(tzinfo=None),), rows.clear().drop("ts"))
                yield Snapshot(
                    Observation(
                        ts=ts,
                        server_version_num=self._versions[ts],
                        statements_stats_reset=seen.resets.get(ts),
                        statements_dealloc=seen.dealloc.get(ts),
                    ),
                    merged(frame, self.name, has_toplevel=seen.has_toplevel)[0],
                    follows[ts],
                )


def _told(rows: pl.DataFrame, name: str) -> Iterator[tuple[datetime, Any]]:
    """Yield what a column says of each snapshot, where it says something."""
    if name in rows.columns:
        for ts, value in rows.select("ts", name).drop_nulls().unique().iter_rows():
            yield ts.replace(tzinfo=UTC), value


def _two_servers(where: str) -> InputError:
    return InputError(
        f"{where}: two servers are mixed: one server's stats_reset only moves on",
        "export each server by itself, or add a column `server` and choose with --server",
    )
