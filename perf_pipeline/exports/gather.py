"""Read what is exported from the store: it never asks a target, and writes nothing."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg.rows import dict_row

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.exports.ceiling import Ceiling, Totals
from perf_pipeline.exports.model import KINDS, Metric, Point
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.sqlfiles import SqlFile
from perf_pipeline.store.engine import Store

Key = tuple[str, ...]

#: Leads the name of each metric.
PREFIX: Final = "perf"
OTHER: Final = "other"
#: Asked again earlier, the last answer is given: several monitors cost what one does.
FRESH_S: Final = 5.0


@dataclass(frozen=True)
class Detailed:
    """Metrics of which a target has more series than a monitor takes.

    Attributes
    ----------
    file : str
        In `sql/exports/`: rows of `ts`, the labels and the values, ordered by `ts`.
    weight : callable
        How much a series matters, of its values in the order of `values`.

    """

    name: str
    file: str
    labels: tuple[str, ...]
    values: Mapping[str, str]
    weight: Callable[[Sequence[float]], float]


STATEMENTS: Final = Detailed(
    "statement",
    "exports/statements/intervals",
    ("dbid", "queryid", "toplevel"),
    {
        "calls": "Executions",
        "exec_seconds": "Time executing",
        "rows": "Rows returned or changed",
        "shared_blks_hit": "Blocks found in shared buffers",
        "shared_blks_read": "Blocks read into shared buffers",
        "temp_blks_written": "Blocks of temporary files written",
        "wal_bytes": "Bytes of WAL written",
    },
    lambda values: values[1],  # by time: what the server is busy with
)
TABLES: Final = Detailed(
    "table",
    "exports/statements/table_intervals",
    ("schema", "table"),
    {
        "seq_scan": "Sequential scans",
        "seq_tup_read": "Rows read by sequential scans",
        "idx_scan": "Index scans",
        "idx_tup_fetch": "Rows fetched by index scans",
        "n_tup_ins": "Rows inserted",
        "n_tup_upd": "Rows updated",
        "n_tup_del": "Rows deleted",
    },
    lambda values: values[1] + values[3] + values[4] + values[5] + values[6],  # rows touched
)


@dataclass
class _Series:
    """One target's series of one `Detailed`, counted up to `seen`."""

    totals: Totals[Key]
    seen: datetime


@dataclass
class Exporter:
    """Gathers metrics again and again; between two looks it reads only what is new.

    Parameters
    ----------
    store : Store
    ceiling : Ceiling
        For statements and for tables of each target.
    targets : sequence of str, optional
        Only these; default: every target of the store.

    """

    store: Store
    ceiling: Ceiling = field(default_factory=Ceiling)
    targets: Sequence[str] | None = None
    _midnight: datetime | None = None
    _series: dict[tuple[str, str], _Series] = field(default_factory=dict)
    _last: tuple[datetime, tuple[Metric, ...]] | None = None
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def gather(self, now: datetime | None = None) -> tuple[Metric, ...]:
        """Return all metrics as they are.

        Parameters
        ----------
        now : datetime, optional
            Default: the present.

        Raises
        ------
        UnreachableError, BusyError
            The store cannot be read.
        ConfigurationError
            A target is named that the store does not know.

        """
        moment = now or datetime.now(UTC)
        with self._alone:
            if self._last and timedelta() <= moment - self._last[0] < timedelta(seconds=FRESH_S):
                return self._last[1]
            metrics = self._gather(moment)
            self._last = (moment, metrics)
            return metrics

    def _gather(self, now: datetime) -> tuple[Metric, ...]:
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if midnight != self._midnight:
            self._midnight, self._series = midnight, {}
        known = {row["name"]: row["target_id"] for row in _rows(self.store, "exports/targets", {})}
        strange = sorted(set(self.targets or ()) - set(known))
        if strange:
            raise ConfigurationError(
                f"targets: the store knows no {', '.join(strange)}",
                f"name some of {', '.join(sorted(known)) or 'those that were swept: none was yet'}",
            )
        wanted = {name: known[name] for name in self.targets or sorted(known)}
        found = [
            metric
            for file in sqlfiles.folder("exports/metrics")
            for metric in metrics_of(
                file,
                [
                    row
                    for row in _read(self.store, file, {"now": now, "since": midnight})
                    if row["target"] in wanted
                ],
                midnight,
            )
        ]
        for detailed in (STATEMENTS, TABLES):
            for name, target_id in wanted.items():
                self._count(detailed, name, target_id, now)
            found += self._detailed(detailed, midnight)
        return tuple(found)

    def _count(self, detailed: Detailed, target: str, target_id: int, now: datetime) -> None:
        """Add the intervals that ended since the last look."""
        if self._midnight is None:  # pragma: no cover - `_gather` sets it
            return
        empty = _Series(Totals(len(detailed.values), self.ceiling), self._midnight)
        series = self._series.setdefault((detailed.name, target), empty)
        rows = _rows(
            self.store,
            detailed.file,
            {
                "target_id": target_id,
                "after": series.seen,
                "until": now + timedelta(microseconds=1),
            },
        )
        for ts, interval in _intervals(rows, detailed):
            series.totals.add(interval, {k: detailed.weight(v) for k, v in interval.items()})
            series.seen = ts

    def _detailed(self, detailed: Detailed, midnight: datetime) -> list[Metric]:
        of = {
            target: s.totals for (name, target), s in self._series.items() if name == detailed.name
        }
        return [
            Metric(
                f"{PREFIX}_{detailed.name}_{value}",
                "counter",
                f"{text} since midnight UTC; who did least, together, as `{OTHER}`",
                tuple(_points(of, detailed, place)),
                midnight,
            )
            for place, (value, text) in enumerate(detailed.values.items())
        ]


def metrics_of(file: SqlFile, rows: Iterable[Mapping[str, Any]], since: datetime) -> list[Metric]:
    """Make the metrics of a file of `sql/exports/metrics/` from its rows; pure.

    Each column that is no label is a metric, `perf_<file>_<column>`; an empty value is no point.

    Raises
    ------
    ConfigurationError
        The file's header has no `kind` or `labels`.

    """
    kind = next((each for each in KINDS if each == file.header.get("kind")), None)
    if kind is None or "labels" not in file.header:
        raise ConfigurationError(
            f"{file.path.name}: header lines '-- kind: ...' and '-- labels: ...' are missing",
            f"kind is one of {', '.join(KINDS)}; labels are columns, with commas between",
        )
    labels = [label.strip() for label in file.header["labels"].split(",")]
    points: dict[str, list[Point]] = {}
    for row in rows:
        of = {label: str(row[label]) for label in labels}
        for column in row.keys() - set(labels):
            into = points.setdefault(column, [])
            if row[column] is not None:
                into.append(Point(of, float(row[column])))
    return [
        Metric(
            f"{PREFIX}_{file.path.name.partition('.')[0]}_{column}",
            kind,
            f"{file.purpose}: {column}",
            tuple(found),
            since if kind == "counter" else None,
        )
        for column, found in sorted(points.items())
    ]


def _intervals(
    rows: Sequence[Mapping[str, Any]], detailed: Detailed
) -> list[tuple[datetime, dict[Key, tuple[float, ...]]]]:
    """Return the rows by interval, in order of time."""
    found: dict[datetime, dict[Key, tuple[float, ...]]] = {}
    for row in rows:
        key = tuple(row[label] for label in detailed.labels)
        found.setdefault(row["ts"], {})[key] = tuple(row[value] for value in detailed.values)
    return list(found.items())


def _points(of: Mapping[str, Totals[Key]], detailed: Detailed, place: int) -> Iterable[Point]:
    for target, totals in sorted(of.items()):
        for key, values in totals.named.items():
            labels = dict(zip(detailed.labels, key, strict=True))
            yield Point({"target": target, **labels}, values[place])
        yield Point(
            {"target": target, **dict.fromkeys(detailed.labels, OTHER)}, totals.other[place]
        )


def _rows(store: Store, name: str, params: Mapping[str, object]) -> list[dict[str, Any]]:
    return _read(store, sqlfiles.load(name), params)


def _read(store: Store, file: SqlFile, params: Mapping[str, object]) -> list[dict[str, Any]]:
    with store.begin() as connection, connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute(file.text, params)
        return cursor.fetchall()
