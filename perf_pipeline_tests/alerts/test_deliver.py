"""What is in the outbox arrives: at least once, in order, nothing twice within its key."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import dagster as dg
import psycopg
import pytest

from perf_pipeline import settings
from perf_pipeline.alerts import book, channels, defs
from perf_pipeline.alerts.book import LAST_PAUSE
from perf_pipeline.alerts.channels import Note, explained, reason_of
from perf_pipeline.alerts.deliver import Delivered, deliver, pause
from perf_pipeline.alerts.model import Alerts, alerts_of
from perf_pipeline.alerts.state import Message
from perf_pipeline.errors import UnreachableError
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store
from perf_pipeline_tests.alerts.endpoint import Endpoint, endpoint, mailbox
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
        return int(book.due(connection, [shop()], START)["waiting"])


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    with endpoint() as made:
        # a busy machine answers late: by itself Apprise waits 4 s
        url = f"json://127.0.0.1:{made.port}/s3cr3t-token?cto=60&rto=60"
        monkeypatch.setenv("OPS_HOOK", url)
        yield made


def test_an_endpoint_down_for_an_hour(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It refuses connections, then answers 503: nothing lost, nothing twice within its key."""
    target = shop()
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))  # not listening: whoever connects is refused
    port = closed.getsockname()[1]
    monkeypatch.setenv("OPS_HOOK", f"json://127.0.0.1:{port}/s3cr3t-token")
    sent: list[str] = []

    def at(minute: int) -> Delivered:
        now = START + minute * MINUTE
        done = deliver(store, [target], lambda: now)
        sent.extend(done.errors.values())
        return done

    for minute in range(0, 30, 2):
        if minute % 10 == 0:
            put(store, target, [message(minute, at=START + minute * MINUTE)])
        assert at(minute).sent == 0
    assert "Connection error" in sent[-1]
    closed.close()
    with endpoint(port) as hook:
        hook.status = 503
        for minute in range(30, 60, 2):
            if minute % 10 == 0:
                put(store, target, [message(minute, at=START + minute * MINUTE)])
            assert at(minute).sent == 0
        assert len(sent) + hook.asked < 60  # 105 if each were tried each time
        assert waiting(store) == 6
        hook.status = 200
        for minute in range(60, 75):
            at(minute)
        assert sorted(hook.keys) == sorted(f"key-{n}" for n in range(0, 60, 10))
        # each was refused, none is in doubt
        assert not any("sent again" in each["message"] for each in hook.taken)
    assert waiting(store) == 0


def test_a_message_is_enqueued_once_by_its_key(store: Store, hook: Endpoint) -> None:
    target = shop()
    assert put(store, target, [message(1), message(2)]) == 2
    assert put(store, target, [message(1), message(2), message(3)]) == 1
    deliver(store, [target], lambda: START)
    deliver(store, [target], lambda: START + MINUTE)
    assert hook.keys == ["key-1", "key-2", "key-3"]


#: Delivers with the real clock of a test, in a process of its own.
DELIVERS = """
from datetime import date, datetime
from perf_pipeline.alerts.deliver import deliver
from perf_pipeline.alerts.model import Alerts
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store
declared = Alerts.model_validate({"channels": {"ops": {"url_env": "OPS_HOOK"}}})
target = Target("shop", "SHOP_URL", date(2026, 1, 1), alerts=declared)
with Store() as store:
    deliver(store, [target], lambda: datetime.fromisoformat("%s"))
"""


def test_who_is_killed_while_sending_is_not_lost_and_nobody_else_repeats(
    store: Store, hook: Endpoint
) -> None:
    """SIGKILL when the endpoint has the first message, and has not answered."""
    put(store, shop(), [message(n) for n in range(3)])
    started = threading.Event()

    def kill() -> None:
        assert started.wait(60)
        process.kill()
        process.wait(60)

    hook.taking = kill
    process = subprocess.Popen(
        [sys.executable, "-c", DELIVERS % START.isoformat()],
        env={**os.environ, "PERF_STORE_URL": store.url},
    )
    started.set()
    assert process.wait(60) == -signal.SIGKILL
    hook.taking = lambda: None
    assert hook.keys == ["key-0"]
    # whoever comes next leaves alone what may still be on its way
    assert deliver(store, [shop()], lambda: START + MINUTE).sent == 0
    assert deliver(store, [shop()], lambda: START + 6 * MINUTE).sent == 3
    assert hook.keys == ["key-0", "key-0", "key-1", "key-2"]
    # only the one that is in doubt says so
    assert ["sent again" in each["message"] for each in hook.taken] == [False, True, False, False]


def test_who_stood_still_sends_nothing_that_is_somebody_elses(store: Store) -> None:
    """The second takes over what the first, after its lease, still holds in its hands."""
    put(store, shop(), [message(n) for n in range(3)])
    now, taken = START, []

    def stands(_channel: Any, _target: Any, _url: str, note: Note) -> None:
        nonlocal now
        taken.append(("first", note.key))
        now = START + 6 * MINUTE
        deliver(store, [shop()], lambda: now, second)

    def second(_channel: Any, _target: Any, _url: str, note: Note) -> None:
        taken.append(("second", note.key))
        if note.key == "key-2":
            raise UnreachableError("not now")

    deliver(store, [shop()], lambda: now, stands)
    # what the first was sending when it stood still is in doubt; the others are told once
    assert taken == [("first", "key-0"), *(("second", f"key-{n}") for n in range(3))]
    later: list[str] = []
    deliver(store, [shop()], lambda: now + MINUTE, lambda *a: later.append(a[3].key))
    assert later == ["key-2"]


def test_a_clock_that_was_set_back_holds_nothing_up(store: Store) -> None:
    """Written and refused by a clock a day ahead, due tomorrow: told now."""
    day = timedelta(days=1)
    target = shop(ops={"url_env": "OPS_HOOK", "quiet_hours": "06:00-05:00"})
    taken: list[str] = []

    def refuses(*_: Any) -> None:
        raise UnreachableError("no")

    put(store, target, [message(1, "critical")])
    deliver(store, [target], lambda: START + day, refuses)
    put(store, target, [message(2, at=START + day), message(4, "critical", at=START + day)])
    with pytest.raises(KeyboardInterrupt):
        deliver(store, [target], lambda: START + day, _interrupted)
    put(store, target, [message(3)])
    deliver(store, [target], lambda: START, lambda *a: taken.append(a[3].key))
    # the third was written by the right clock: its quiet hours hold
    assert sorted(taken) == ["key-1", "key-2", "key-4"]


def _interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


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


def test_who_took_a_message_does_not_get_it_again_because_of_another(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three addressees, one of whom the server refuses until somebody mends it."""
    target = shop(boss={"url_env": "MAIL"})
    with mailbox() as box:
        to = "ana@x.org,bob@x.org&cc=eve@x.org"
        url = f"mailto://127.0.0.1:{box.port}?mode=insecure&cto=60&rto=60&from=perf@x.org&to={to}"
        monkeypatch.setenv("MAIL", url)
        box.refused = "bob@x.org"
        put(store, target, [message(1)])
        first = deliver(store, [target], lambda: START)
        assert box.taken == ["ana@x.org", "eve@x.org"]
        assert "by 1 of 3 addressees" in first.errors["shop/boss"]
        assert waiting(store) == 1
        later = START + MINUTE
        assert deliver(store, [target], lambda: later).sent == 0
        with store.begin() as connection:
            assert book.due(connection, [target], later + LAST_PAUSE)["due"] == 1
        box.refused = ""
        assert deliver(store, [target], lambda: later + LAST_PAUSE).sent == 1
        assert box.taken == ["ana@x.org", "eve@x.org", "bob@x.org"]
        assert waiting(store) == 0


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


def test_a_redirection_is_no_delivery(hook: Endpoint) -> None:
    """Followed, it would ask a page without the message, and take its answer for a receipt."""
    hook.status = 302
    (channel,) = alerts_of(shop().alerts).routes()
    with pytest.raises(UnreachableError, match=r"302.*redirected"):
        channels.send(channel, shop(), "", Note("k", "warning", "t", "b", {}))
    assert hook.asked == 1


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


def test_what_waits_for_a_channel_that_is_gone_asks_for_no_run(store: Store) -> None:
    """Taken out of the YAML with messages waiting, it asked for a run every minute."""
    put(store, shop(), [message(1)])
    with store.begin() as connection:
        assert book.due(connection, [shop()], START)["due"] == 1
        renamed = shop(mail={"url_env": "OPS_HOOK"})
        found = book.due(connection, [renamed], START)
    assert (found["due"], found["waiting"], found["undeclared"]) == (0, 1, 1)


def test_a_storm_of_messages_is_delivered_in_bounded_time(store: Store, hook: Endpoint) -> None:
    """Hundreds of waiting messages and an endpoint that refuses: two attempts for each batch."""
    hook.status = 503
    put(store, shop(), [message(n) for n in range(500)])
    done = deliver(store, [shop()], lambda: START)
    assert done.put_off == 500
    assert hook.asked <= 2 * 3
    # what was not tried is left alone for as long
    assert deliver(store, [shop()], lambda: START + timedelta(seconds=20)).put_off == 0
