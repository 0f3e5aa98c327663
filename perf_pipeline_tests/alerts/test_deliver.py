"""What is in the outbox arrives: at least once, in order, nothing twice within its key."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import dagster as dg
import psycopg
import pytest

from perf_pipeline import settings
from perf_pipeline.alerts import book, channels, defs
from perf_pipeline.alerts.channels import Note, explained, reason_of
from perf_pipeline.alerts.deliver import LAST_PAUSE, deliver, pause
from perf_pipeline.alerts.model import Alerts, alerts_of
from perf_pipeline.alerts.state import Message
from perf_pipeline.errors import UnreachableError
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store
from perf_pipeline_tests.alerts.endpoint import Endpoint, endpoint
from perf_pipeline_tests.alerts.support import START

pytestmark = pytest.mark.server

MINUTE = timedelta(minutes=1)


def shop(**ways: Any) -> Target:
    declared = Alerts.model_validate({"channels": ways or {"ops": {"url_env": "OPS_HOOK"}}})
    return Target("shop", "SHOP_URL", date(2026, 1, 1), alerts=declared)


def message(number: int, level: Any = "warning", **fields: Any) -> Message:
    detail = {"type": "slow_queries", "level": level}
    told = (f"i{number}", level, "", f"no. {number}", "what is wrong", START)
    return replace(Message(f"key-{number}", "opened", "shop", *told, detail=detail), **fields)


def put(store: Store, target: Target, messages: Sequence[Message]) -> int:
    with store.begin() as connection:
        return book.put(connection, "shop", messages, alerts_of(target.alerts).routes())


def waiting(store: Store) -> int:
    with store.begin() as connection:
        return int(book.due(connection, ["shop"], START)["waiting"])


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    with endpoint() as made:
        monkeypatch.setenv("OPS_HOOK", f"json://127.0.0.1:{made.port}/s3cr3t-token")
        yield made


def test_an_endpoint_down_for_an_hour(store: Store, hook: Endpoint) -> None:
    """Nothing lost, nothing twice within its key, and few attempts meanwhile."""
    hook.status = 503
    target = shop()
    for minute in range(60):
        now = START + minute * MINUTE
        if minute % 10 == 0:
            put(store, target, [message(minute, at=now)])
        done = deliver(store, [target], lambda now=now: now)  # type: ignore[misc]
        assert done.sent == 0
    assert hook.asked < 60  # 210 if each were tried every minute
    assert waiting(store) == 6
    hook.status = 200
    for minute in range(60, 75):
        now = START + minute * MINUTE
        deliver(store, [target], lambda now=now: now)  # type: ignore[misc]
    assert sorted(hook.keys) == sorted(f"key-{n}" for n in range(0, 60, 10))
    assert waiting(store) == 0


def test_a_message_is_enqueued_once_by_its_key(store: Store, hook: Endpoint) -> None:
    target = shop()
    assert put(store, target, [message(1), message(2)]) == 2
    assert put(store, target, [message(1), message(2), message(3)]) == 1
    deliver(store, [target], lambda: START)
    deliver(store, [target], lambda: START + MINUTE)
    assert hook.keys == ["key-1", "key-2", "key-3"]


def test_who_dies_while_sending_sends_again_after_the_lease(store: Store) -> None:
    target, tried = shop(), []

    def dies(*_: Any) -> None:
        tried.append("died")
        raise KeyboardInterrupt

    put(store, target, [message(1)])
    with pytest.raises(KeyboardInterrupt):
        deliver(store, [target], lambda: START, dies)
    taken: list[Note] = []

    def takes(_channel: Any, _target: Any, _url: str, note: Note) -> None:
        taken.append(note)

    deliver(store, [target], lambda: START + MINUTE, takes)
    assert taken == []  # somebody may still be at it
    deliver(store, [target], lambda: START + 6 * MINUTE, takes)
    assert [note.key for note in taken] == ["key-1"]
    with store.begin() as connection:
        (attempts,) = connection.execute(
            "SELECT attempts FROM monitoring.alert_deliveries"
        ).fetchone() or (None,)
    assert attempts == 2


def test_one_channel_that_fails_does_not_hold_up_another(store: Store, hook: Endpoint) -> None:
    target = shop(ops={"url_env": "OPS_HOOK"}, web={"url_env": "NOT_SET"})
    put(store, target, [message(n) for n in range(4)])
    done = deliver(store, [target], lambda: START)
    assert hook.keys == [f"key-{n}" for n in range(4)]
    assert (done.sent, done.put_off) == (4, 4)
    assert "NOT_SET is not set" in done.errors["shop/web"]


def test_one_message_that_nobody_takes_does_not_hold_up_the_others(store: Store) -> None:
    taken: list[str] = []

    def picky(_channel: Any, _target: Any, _url: str, note: Note) -> None:
        if note.key == "key-0":
            raise UnreachableError("too large")
        taken.append(note.key)

    put(store, shop(), [message(n) for n in range(4)])
    deliver(store, [shop()], lambda: START, picky)
    assert taken == ["key-1", "key-2", "key-3"]


def test_a_digest_is_one_message(store: Store, hook: Endpoint) -> None:
    target = shop(ops={"url_env": "OPS_HOOK", "frequency": "daily"})
    put(store, target, [message(n) for n in range(3)] + [message(9, "critical")])
    deliver(store, [target], lambda: START)
    assert hook.keys == ["key-9"]
    morning = START + timedelta(hours=20)
    for _ in range(2):
        deliver(store, [target], lambda: morning)
    assert len(hook.taken) == 2
    digest = hook.taken[1]
    assert digest["title"] == "[shop] daily digest: 3 messages"
    assert digest["message"].count("no. ") == 3


def test_listeners_in_the_target_and_the_store_are_notified(
    store: Store, make_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_URL", make_database())
    target = shop(here={"notify": "target"}, there={"notify": "store"})
    put(store, target, [message(1, "critical", title="x" * 9_000)])
    with (
        psycopg.connect(target.url(), autocommit=True) as here,
        psycopg.connect(store.url, autocommit=True) as there,
    ):
        for listener in (here, there):
            listener.execute("LISTEN performance_alert")
        done = deliver(store, [target], lambda: START)
        assert done.sent == 2, done.errors
        for listener in (here, there):
            (told,) = listener.notifies(timeout=20, stop_after=1)
            payload = json.loads(told.payload)
            assert (payload["key"], payload["level"]) == ("key-1", "critical")


def test_the_kind_of_an_alert_is_told_to_listeners(store: Store) -> None:
    with psycopg.connect(store.url, autocommit=True) as listener:
        listener.execute("LISTEN performance_alert")
        target = shop(there={"notify": "store"})
        put(store, target, [message(1)])
        deliver(store, [target], lambda: START)
        (told,) = listener.notifies(timeout=20, stop_after=1)
    assert json.loads(told.payload)["type"] == "slow_queries"


def test_pauses_grow_to_a_bound() -> None:
    found = [pause(n) for n in range(1, 40)]
    assert found == sorted(found)
    assert found[-1] == LAST_PAUSE


def test_no_token_is_shown(hook: Endpoint) -> None:
    hook.status = 403
    one = shop()
    (channel,) = alerts_of(one.alerts).routes()
    with pytest.raises(UnreachableError) as caught:
        channels.send(channel, one, "", Note("k", "warning", "t", "b", {}))
    assert "s3cr3t" not in str(caught.value)
    assert "403" in str(caught.value)
    said = reason_of("cannot reach https://hooks.example.com/abcdef123", "json://x/abcdef123")
    assert said == "cannot reach ***"
    assert explained(ValueError("https://x/token")) == "ValueError"


def test_the_job_delivers_what_the_sensor_asked_for(
    store: Store, hook: Endpoint, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    settings.current.cache_clear()
    target = shop()
    put(store, target, [message(1)])
    sensor = defs.alerts_sensor([target], defs.delivery_job())
    first = sensor(dg.build_sensor_context(instance=instance))
    assert isinstance(first, dg.SensorResult)
    assert [request.job_name for request in first.run_requests or ()] == ["alert_delivery"]
    done = dg.materialize([defs.deliveries_asset([target])], instance=instance)
    (event,) = done.get_asset_materialization_events()
    assert event.materialization.metadata["waiting"].value == 0
    assert hook.keys == ["key-1"]
    second = sensor(dg.build_sensor_context(instance=instance))
    assert isinstance(second, dg.SensorResult)
    assert not second.run_requests


def test_a_storm_of_messages_is_delivered_in_bounded_time(store: Store, hook: Endpoint) -> None:
    """A thousand waiting messages and an endpoint that refuses: two attempts, not a thousand."""
    hook.status = 503
    put(store, shop(), [message(n) for n in range(1_000)])
    began = time.monotonic()
    done = deliver(store, [shop()], lambda: START)
    assert done.put_off == 1_000
    assert hook.asked <= 2 * 5
    assert time.monotonic() - began < 60  # a bound for a hang
