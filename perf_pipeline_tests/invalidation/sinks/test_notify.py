"""Notifications of a real server: one a batch, in its 8,000 bytes, after the commit."""

import json
from collections.abc import Callable, Iterator

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation import sinks
from perf_pipeline.invalidation.sinks import SinkError, SinkPolicy
from perf_pipeline.invalidation.sinks.notify import PAYLOAD_BYTES
from perf_pipeline.invalidation.sinks.redis_sink import messages
from perf_pipeline_tests.invalidation.sinks.common import named

POLICY = SinkPolicy("notify", channel="Cache News")


@pytest.fixture
def worker(make_database: Callable[..., str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(make_database(), autocommit=True) as connection:
        connection.execute('LISTEN "Cache News"')
        yield connection


def heard(connection: psycopg.Connection) -> list[dict[str, object]]:
    """What the server has sent by the time it answers a statement."""
    connection.execute("SELECT 1")
    return [json.loads(note.payload) for note in connection.notifies(timeout=0)]


@pytest.mark.server
def test_a_batch_is_one_notification(worker: psycopg.Connection) -> None:
    sink = sinks.make(POLICY, worker)
    assert sink.invalidate("menu", named(1, 2, 1)) == {}
    assert sink.invalidate("menu", []) == {}
    assert heard(worker) == [{"c": "menu", "e": ["1", "2"]}]
    sink.invalidate("menu", named(3, "*"))
    assert heard(worker) == [{"c": "menu", "e": ["*"]}]


@pytest.mark.server
def test_ten_thousand_are_as_few_as_hold_them(worker: psycopg.Connection) -> None:
    entities = [str(n) for n in range(10_000)]
    sinks.make(POLICY, worker).invalidate("menu", named(*entities))
    notes = heard(worker)
    assert len(notes) == 10
    assert [e for note in notes for e in note["e"]] == entities  # type: ignore[attr-defined]


@pytest.mark.server
def test_it_waits_for_the_workers_commit(worker: psycopg.Connection) -> None:
    with worker.transaction():
        sinks.make(POLICY, worker).invalidate("menu", named(1))
        assert heard(worker) == []
    assert len(heard(worker)) == 1


@pytest.mark.server
def test_a_lost_connection_is_the_whole_sink(worker: psycopg.Connection) -> None:
    worker.close()
    with pytest.raises(SinkError, match="Cache News"):
        sinks.make(POLICY, worker).invalidate("menu", named(1))


def test_it_needs_a_connection() -> None:
    with pytest.raises(ConfigurationError, match="connection"):
        sinks.make(POLICY)


@given(st.text(max_size=40), st.lists(st.text(max_size=200), max_size=60), st.integers(600, 2_000))
def test_messages_hold_everything_within_their_limit(
    cache_type: str, entities: list[str], limit: int
) -> None:
    told: list[str] = []
    for message in messages(cache_type, entities, limit):
        assert len(message.encode()) <= limit
        assert json.loads(message)["c"] == cache_type
        told += json.loads(message)["e"]
    assert len(told) == len(entities)
    for one, entity in zip(told, entities, strict=True):
        assert one in (entity, "*")
        assert one == entity or len(json.dumps(entity)) > limit - 400


def test_one_too_long_for_any_message_is_every_one() -> None:
    [message] = messages("menu", ["x" * 9_000], PAYLOAD_BYTES)
    assert json.loads(message) == {"c": "menu", "e": ["*"]}
