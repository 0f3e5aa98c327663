"""What was normal for each statement on a day: the one way to read the statement baselines.

Whoever asks gets rows per day, in whatever form they are stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.store import frames
from perf_pipeline.store.engine import Store
from perf_pipeline.store.samples import KEY, METRIC

#: Finest first: what is known of the hour of the week is better than what is known of the hour.
TIERS: Final = ("hour_of_week", "hour_of_day", "all", "initial")

SCHEMA: Final[Schema] = {
    "day": pl.Date,
    "userid": pl.Int64,
    "dbid": pl.Int64,
    "queryid": pl.Int64,
    "toplevel": pl.Boolean,
    "tier": pl.String,
    "slot": pl.Int16,
    "samples": pl.Int32,
    "calls": pl.Int64,
    "center": pl.Float64,
    "spread": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}

#: userid, dbid, queryid, toplevel: as in pg_stat_statements, never the queryid alone, for the same
#: text of two roles is two statements.
Key = tuple[int, int, int, bool]


@dataclass(frozen=True)
class Level:
    """What is normal: ms per call, `low` to `high` holds 90 % of samples; and what it rests on."""

    center: float
    low: float
    high: float
    samples: int
    tier: str


@dataclass(frozen=True)
class Levels:
    """The baselines of some statements on some days."""

    rows: Mapping[tuple[date, Key, str, int], Level]

    @classmethod
    def of(cls, frame: pl.DataFrame) -> "Levels":
        """Take the rows of a frame of `SCHEMA`."""
        columns = ("day", *KEY, "tier", "slot", "center", "low", "high", "samples")
        return cls(
            {
                (day, (u, d, q, t), tier, slot): Level(center, low, high, samples, tier)
                for day, u, d, q, t, tier, slot, center, low, high, samples in (
                    frame.select(columns).iter_rows()
                )
            }
        )

    def at(self, day: date, key: Key, instant: datetime) -> Level | None:
        """Return the finest level that was known on the eve of a day, for an instant.

        Parameters
        ----------
        day : date
            UTC day whose baseline is meant.
        key : tuple
            `userid`, `dbid`, `queryid`, `toplevel`.
        instant : datetime
            UTC; its hour of the week and of the day choose the slot. It need not be on `day`.

        """
        slots = {
            "hour_of_week": instant.weekday() * 24 + instant.hour,
            "hour_of_day": instant.hour,
        }
        for tier in TIERS:
            level = self.rows.get((day, key, tier, slots.get(tier, 0)))
            if level is not None:
                return level
        return None

    def overall(self, day: date, key: Key) -> Level | None:
        """Return the level that holds for a day as a whole, whatever the hour."""
        for tier in ("all", "initial"):
            level = self.rows.get((day, key, tier, 0))
            if level is not None:
                return level
        return None


def read(
    store: Store,
    target_id: int,
    first: date,
    last: date,
    queryids: Sequence[int] | None = None,
    metric: str = METRIC,
    tiers: Sequence[str] = TIERS,
    above: float = 0.0,
) -> pl.DataFrame:
    """Read the baselines of a span of days.

    Parameters
    ----------
    store : Store
    target_id : int
    first, last : date
        UTC days, both included.
    queryids : sequence of int, optional
        Only of these statements; default: of all.
    metric : str
        Which of a statement's numbers; ms per call by default.
    tiers : sequence of str
        Only these; default: all.
    above : float
        Only where the centre is above it, ms.

    Returns
    -------
    polars.DataFrame
        Columns of `SCHEMA`: a row for each day, statement, tier and slot; `center`, `low`, `high`
        in ms, `spread` the standard deviation of the logarithm. Sorted by day, queryid, userid,
        dbid, toplevel, tier, slot.

    """
    return frames.read(
        store,
        "statement_levels",
        SCHEMA,
        {
            "target_id": target_id,
            "first": first,
            "last": last,
            "queryids": None if queryids is None else list(queryids),
            "metric": metric,
            "tiers": list(tiers),
            "above": above,
        },
    )


def read_for(store: Store, target_id: int, asked: Iterable[tuple[date, int]]) -> pl.DataFrame:
    """Read the baselines of some statements on some days each, and some more.

    Parameters
    ----------
    store : Store
    target_id : int
    asked : iterable of (date, queryid)

    Returns
    -------
    polars.DataFrame
        As of `read`: at least the rows of each pair.

    """
    months: dict[tuple[int, int], list[tuple[date, int]]] = {}
    for day, queryid in sorted(set(asked)):
        months.setdefault((day.year, day.month), []).append((day, queryid))
    parts = [pl.DataFrame(schema=dict(SCHEMA))]
    for pairs in months.values():
        ids = sorted({queryid for _, queryid in pairs})
        parts.append(read(store, target_id, pairs[0][0], pairs[-1][0], ids))
    return pl.concat(parts)
