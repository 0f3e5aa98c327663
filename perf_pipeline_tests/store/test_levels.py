"""Which level counts for which hour, and that what was stored is what is read."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from perf_pipeline.store import Store, frames, levels, targets
from perf_pipeline.store.levels import Levels

DAY = date(2026, 3, 4)  # a Wednesday: hours 48 to 71 of the week
KEY = (10, 5, 77, True)


def rows(*tiers: tuple[str, int, float], day: date = DAY, key: tuple = KEY) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (day, *key, tier, slot, 30, 400, center, 0.1, center * 0.8, center * 1.2)
            for tier, slot, center in tiers
        ],
        schema=dict(levels.SCHEMA),
        orient="row",
    )


def test_the_finest_tier_that_knows_the_hour_wins() -> None:
    known = Levels.of(rows(("all", 0, 1.0), ("hour_of_day", 9, 2.0), ("hour_of_week", 57, 3.0)))
    at = datetime(2026, 3, 4, 9, 59)
    found = [known.at(DAY, KEY, at + step) for step in (timedelta(), timedelta(days=1))]
    assert [(level.center, level.tier) for level in found if level] == [
        (3.0, "hour_of_week"),
        (2.0, "hour_of_day"),
    ]
    later = known.at(DAY, KEY, at + timedelta(hours=1))
    assert later is not None
    assert (later.center, later.low, later.high, later.samples) == (1.0, 0.8, 1.2, 30)


def test_a_day_as_a_whole_has_no_hour() -> None:
    known = Levels.of(rows(("hour_of_day", 0, 2.0), ("all", 0, 1.0)))
    overall = known.overall(DAY, KEY)
    assert overall is not None
    assert overall.center == 1.0
    first = Levels.of(rows(("initial", 0, 5.0))).overall(DAY, KEY)
    assert first is not None
    assert first.tier == "initial"


@pytest.mark.parametrize(
    ("day", "key"),
    [
        (DAY + timedelta(days=1), KEY),
        (DAY, (11, 5, 77, True)),
        (DAY, (10, 6, 77, True)),
        (DAY, (10, 5, 78, True)),
        (DAY, (10, 5, 77, False)),
    ],
)
def test_another_day_role_database_or_statement_has_no_level(day: date, key: levels.Key) -> None:
    known = Levels.of(rows(("all", 0, 1.0)))
    assert known.at(day, key, datetime(2026, 3, 4)) is None
    assert known.overall(day, key) is None


@pytest.mark.server
def test_what_is_stored_is_read(store: Store) -> None:
    target_id = targets.register(store, "shop")
    other = (10, 5, 78, True)
    made = pl.concat(
        [rows(("all", 0, 1.5), ("hour_of_week", 57, 3.5)), rows(("all", 0, 9.0), key=other)]
    )
    frames.replace_days(
        store,
        ("perf_mgmt", "statement_baselines"),
        "day",
        target_id,
        DAY,
        DAY,
        made.with_columns(target_id=pl.lit(target_id), metric=pl.lit("mean_exec_time")),
    )
    assert levels.read(store, target_id, DAY, DAY).equals(made)
    assert levels.read(store, target_id, DAY, DAY, [78])["center"].to_list() == [9.0]
    assert levels.read(store, target_id, DAY, DAY, metric="another").is_empty()
    eve = DAY - timedelta(days=1)
    assert levels.read(store, target_id, eve, eve).is_empty()
