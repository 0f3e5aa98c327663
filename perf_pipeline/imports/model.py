"""What an import handles: intervals of somebody else's history, and what became of their days."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal, Protocol

import polars as pl

from perf_pipeline.snapshots.evidence import Observation, Quality

#: What happens to a day of the history. `import`: its intervals are written; `there`: all of them
#: are in the ledger already; the others say whose day it is, and nothing of it is written.
Action = Literal["import", "there", "collected", "generated", "rolled_up", "unfinished"]

#: Key of a statement without `toplevel`: what a text belongs to.
TEXT_KEY = ("userid", "dbid", "queryid")


@dataclass(frozen=True, eq=False)
class Interval:
    """What happened between two snapshots of a history, as a row of `ledger.sweeps` and more.

    Attributes
    ----------
    observation : Observation
        Of the snapshot that ends it.
    previous_ts : datetime or None
        Its start, aware UTC; None: the snapshot is a baseline only.
    quality : str
        Of the interval as a whole.
    rows : polars.DataFrame
        Columns of `families.STATEMENTS`, without target and instant.
    rows_read : int
        Entries that the snapshot held.
    notes : tuple of str
        What a reader should know, one sentence each.

    """

    observation: Observation
    previous_ts: datetime | None
    quality: Quality
    rows: pl.DataFrame
    rows_read: int
    notes: tuple[str, ...] = ()

    @property
    def ts(self) -> datetime:
        """End of the interval, aware UTC."""
        return self.observation.ts

    @property
    def day(self) -> date:
        """The UTC day it belongs to."""
        return utc_day(self.ts)


class Progress(Protocol):
    """Shows how far the work has got; `embedded.console.Steps` is one."""

    def bar(self, title: str, total: int) -> AbstractContextManager["Bar"]:
        """Show a bar of `total` steps."""


class Bar(Protocol):
    """A running bar."""

    def advance(self) -> None:
        """One step is done."""


class Silent:
    """A progress, and its bar, that show nothing."""

    def bar(self, title: str, total: int) -> "Silent":
        """Return itself."""
        return self

    def advance(self) -> None:
        """Do nothing."""

    def __enter__(self) -> "Silent":
        return self

    def __exit__(self, *_: object) -> None:
        pass


class History(Protocol):
    """A source of intervals, opened."""

    @property
    def name(self) -> str:
        """What it is and of whom, as people are told: `PoWA 4.1.4, server <local>`."""

    @property
    def instants(self) -> Sequence[datetime]:
        """When its snapshots were taken: aware UTC, ascending, each once."""

    @property
    def majors(self) -> Collection[int]:
        """The PostgreSQL majors its snapshots come from."""

    @property
    def baselines(self) -> Collection[datetime]:
        """Those of `instants` that end no interval."""

    def notes(self) -> Sequence[str]:
        """Return what is worth knowing of the whole of it; complete once it was read."""

    def intervals(self, wanted: Callable[[date], bool]) -> Iterator[Interval]:
        """Yield the intervals of the wanted days, in order of time; others may be among them."""

    def texts(self) -> Iterator[pl.DataFrame]:
        """Yield redacted texts: columns of `TEXT_KEY` and `query`, each key at most once."""

    def close(self) -> None:
        """Let go of files and connections."""


@dataclass(frozen=True)
class DaySummary:
    """What was, or would be, done with one day."""

    day: date
    action: Action
    snapshots: int
    intervals: int = 0
    rows: int = 0
    qualities: Mapping[str, int] = field(default_factory=dict)
    overlapping: int = 0


@dataclass(frozen=True)
class Summary:
    """What an import did, or with `dry_run` would do.

    `statements` counts different keys, `texts` those that came with a text; `hints` say what to do
    next, `notes` what to know.
    """

    target: str
    source: str
    dry_run: bool
    days: tuple[DaySummary, ...]
    statements: int
    texts: int
    notes: tuple[str, ...]
    hints: tuple[str, ...] = ()

    def of(self, action: Action) -> list[DaySummary]:
        """Return the days with which that happened."""
        return [day for day in self.days if day.action == action]

    @property
    def qualities(self) -> dict[str, int]:
        """Rows by quality, over all days that are imported."""
        total: dict[str, int] = {}
        for day in self.days:
            for name, rows in day.qualities.items():
                total[name] = total.get(name, 0) + rows
        return dict(sorted(total.items(), key=lambda item: -item[1]))

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return {
            "target": self.target,
            "source": self.source,
            "dry_run": self.dry_run,
            "intervals": sum(day.intervals for day in self.days),
            "rows": sum(day.rows for day in self.days),
            "statements": self.statements,
            "texts": self.texts,
            "qualities": self.qualities,
            "days": [{**vars(day), "day": day.day.isoformat()} for day in self.days],
            "notes": list(self.notes),
            "hints": list(self.hints),
        }


def utc_day(ts: datetime) -> date:
    """Return the UTC day of an aware instant."""
    return ts.astimezone(UTC).date()
