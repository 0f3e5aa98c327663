"""Which statements are slow right now: the sweeps of the last hour against their baselines."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import polars as pl

from perf_pipeline.baselines import slow
from perf_pipeline.baselines.slow import Limits
from perf_pipeline.store import Store, frames, levels, samples
from perf_pipeline.store.own import OWN_TEXT
from perf_pipeline.store.samples import KEY

#: What is looked at, and how old the newest sweep may be at most to say anything of now.
PERIOD: Final = timedelta(hours=1)
#: States that tell of a statement that is slower than usual, the gravest first.
SLOWER: Final = ("CRITICAL", "WARNING", "DEGRADED")
_TIERS: Final = ("all", "initial")


@dataclass(frozen=True)
class Now:
    """What is slow.

    Attributes
    ----------
    target : str
    swept_at : datetime or None
        Of the newest sweep within the period (naive UTC); None: nothing is known of it.
    rows : list of dict
        Statements above 100 ms per call, slowest first: the columns of `perf_mgmt.slow_queries`.

    """

    target: str
    swept_at: datetime | None
    rows: list[dict[str, Any]]

    @property
    def watched(self) -> list[dict[str, Any]]:
        """Those called more than five times at more than a second per call."""
        return [row for row in self.rows if row["watched"]]

    @property
    def slower(self) -> list[dict[str, Any]]:
        """The watched ones that take longer than their baseline allows, the gravest first."""
        found = [row for row in self.watched if row["state"] in SLOWER]
        return sorted(found, key=lambda row: SLOWER.index(row["state"]))


def look(
    store: Store,
    target_name: str,
    now: datetime,
    period: timedelta = PERIOD,
    limits: Limits | None = None,
) -> Now:
    """Judge the statements of the sweeps of a period up to now; nothing is kept.

    Parameters
    ----------
    store : Store
    target_name : str
    now : datetime
        With a zone.
    period : timedelta
    limits : Limits, optional

    Raises
    ------
    ConfigurationError
        The target has no history in the store.

    """
    target_id = samples.target_id(store, target_name)
    today = now.astimezone(UTC).date()
    params = {
        "target_id": target_id,
        "start": now - period,
        "finish": now,
        "day": today,
        "slow_ms": slow.LISTED_MS,
        "own_text": OWN_TEXT,
    }
    newest = store.rows("slow_swept", params)[0]["ts"]
    found = frames.read(store, "slow_now", slow.DAYS, params)
    ids = found["queryid"].unique().sort().to_list()
    judged = slow.judge(found, _levels(store, target_id, today, ids), limits)
    return Now(target_name, newest, judged.to_dicts())


def _levels(store: Store, target_id: int, today: date, ids: list[int]) -> pl.DataFrame:
    """Return what holds today: of a Monday whose baselines are still to be made, yesterday's."""
    if not ids:
        return pl.DataFrame(schema=dict(levels.SCHEMA))
    yesterday = today - timedelta(days=1)
    known = levels.read(store, target_id, yesterday, today, ids, tiers=_TIERS)
    newest = known.filter(pl.col("day") == pl.col("day").max().over(KEY))
    return newest.with_columns(day=pl.lit(today))
