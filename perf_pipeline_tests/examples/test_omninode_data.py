import json
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import omninode_data
from perf_pipeline.examples.omninode import TABLES
from perf_pipeline.examples.omninode_data import Size, chunks

NOW = datetime(2026, 3, 4, 5, 6, 7)
SIZE = Size(events=20_000, days=40)

Tables = dict[tuple[str, str], pl.DataFrame]


def tables(size: Size = SIZE, seed: int = 1) -> Tables:
    made: Tables = {}
    for chunk in chunks(size, seed, NOW):
        for table, frame in chunk.items():
            made[table] = pl.concat([made[table], frame]) if table in made else frame
    return made


@pytest.fixture(scope="module")
def made() -> Tables:
    return tables()


@pytest.fixture(scope="module")
def events(made: Tables) -> pl.DataFrame:
    return made["omninode", "hook_events"]


def test_every_table_is_filled(made: Tables) -> None:
    assert set(made) == set(TABLES)
    assert all(frame.height for frame in made.values())


def test_same_seed_same_rows_other_seed_other_rows(made: Tables) -> None:
    again, other = tables(), tables(seed=2)
    for table, frame in made.items():
        assert frame.equals(again[table]), table
    assert not made["omninode", "hook_events"].equals(other["omninode", "hook_events"])


def test_every_event_has_its_key_and_lies_in_the_days_before(
    made: Tables, events: pl.DataFrame
) -> None:
    assert made["omninode", "hook_event_keys"].equals(events.select("id", "created_at"))
    assert events["id"].n_unique() == events.height == SIZE.events
    begin = NOW - timedelta(days=SIZE.days)
    assert events["created_at"].is_between(begin, NOW).all()
    assert events["created_at"].is_sorted()
    assert events["updated_at"].is_between(events["created_at"], NOW).all()


def test_retries_poison_stranded_and_waiting_are_there(events: pl.DataFrame) -> None:
    old = events["created_at"] < NOW - timedelta(minutes=5)
    poison = events["retry_count"] == 10
    assert not (events["processed"] & poison).any()
    assert poison.sum() / events.height == pytest.approx(omninode_data.POISON, rel=0.5)
    retried = events["processed"] & (events["retry_count"] > 0)
    assert retried.sum() / events.height == pytest.approx(omninode_data.RETRIED, rel=0.1)
    assert set(events.filter(retried)["retry_count"]) == {1, 2, 3, 4}
    stranded = ~events["processed"] & ~poison & old
    assert stranded.sum() / events.height == pytest.approx(omninode_data.STRANDED, rel=0.5)
    waiting = ~old
    assert waiting.sum() >= 1
    assert not events.filter(waiting)["processed"].any()


def test_payloads_are_json_and_half_of_the_poison_is_too_long_for_an_index(
    events: pl.DataFrame,
) -> None:
    kinds = events["payload"].map_elements(lambda text: json.loads(text)["type"], pl.String)
    long = kinds.str.len_chars() > 2704
    assert long.any()
    assert (events.filter(long)["retry_count"] == 10).all()
    assert set(kinds.filter(~long)) == {
        f"{source}.{action}" for source in omninode_data.SOURCES for action in omninode_data.ACTIONS
    }


def test_each_attempt_is_measured(made: Tables, events: pl.DataFrame) -> None:
    attempts = made["omninode", "event_metrics"]
    counts = attempts.group_by("event_id").agg(
        pl.len().alias("tries"),
        (pl.col("kafka_publish_success") == False).sum().alias("failed"),  # noqa: E712
        pl.col("error_message").is_not_null().sum().alias("told"),
        pl.col("created_at").min().alias("first"),
    )
    joined = events.join(counts, left_on="id", right_on="event_id", how="left")
    expected = joined["retry_count"] + joined["processed"].cast(pl.Int64)
    assert joined["tries"].fill_null(0).equals(expected, check_names=False)  # waiting: none
    measured = joined.filter(pl.col("tries").is_not_null())
    assert (measured["failed"] == measured["retry_count"]).all()
    assert (measured["told"] == measured["failed"]).all()
    assert (measured["first"] >= measured["created_at"]).all()
    unknown = attempts["kafka_publish_success"].null_count() / attempts.height
    assert unknown == pytest.approx(omninode_data.UNKNOWN, rel=0.5)


def test_a_few_resources_have_many_events_and_variables_lead_to_them(events: pl.DataFrame) -> None:
    numbers = events["resource_id"].str.strip_prefix("r").cast(pl.Int64)
    assert numbers.is_between(1, SIZE.variables()["resources"]).all()
    per_resource = events["resource_id"].value_counts()["count"]
    assert per_resource.max() > 10 * per_resource.median()  # type: ignore[operator]


def test_days_are_busier_than_nights(events: pl.DataFrame) -> None:
    day = (events["created_at"].dt.hour() >= 12).mean()
    assert 0.7 < day < 0.8  # type: ignore[operator]


def test_sessions_end_after_they_began(made: Tables) -> None:
    sessions = made["omninode", "service_sessions"]
    assert ((sessions["status"] == "active") == sessions["session_end"].is_null()).all()
    assert (sessions["session_end"].drop_nulls() <= NOW).all()
    ended = sessions.drop_nulls("session_end")
    assert (ended["session_end"] >= ended["session_start"]).all()


def test_large_data_comes_in_parts_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(omninode_data, "_CHUNK_EVENTS", 3_000)
    split = tables()["omninode", "hook_events"]
    assert split["id"].n_unique() == split.height == SIZE.events
    assert split["created_at"].is_sorted()


@settings(max_examples=15, deadline=None)
@given(st.integers(100, 2_000), st.integers(1, 400), st.integers(0, 2**32))
def test_any_size_gives_the_asked_number_of_events(events: int, days: int, seed: int) -> None:
    found = tables(Size(events, days), seed)["omninode", "hook_events"]
    assert found.height == events
    assert found["created_at"].is_between(NOW - timedelta(days=days), NOW).all()


@pytest.mark.parametrize(("events", "days", "name"), [(99, 10, "events=99"), (100, 0, "days=0")])
def test_too_small_is_refused(events: int, days: int, name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Size(events, days)
