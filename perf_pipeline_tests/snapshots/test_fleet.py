"""Sweeping many targets: who fails, fails alone and in time; what is announced, and when."""

import threading
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.errors import UnreachableError
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots.fleet import (
    ANNOUNCE_EVERY,
    Announced,
    Outcome,
    sweep_all,
    to_announce,
    without_password,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def target(name: str) -> Target:
    return Target(name, "NOWHERE_URL", date(2026, 1, 1))


def targets(count: int) -> list[Target]:
    return [target(f"t{number}") for number in range(count)]


@given(st.lists(st.booleans(), max_size=12), st.integers(1, 5))
def test_one_outcome_per_target_in_order(good: list[bool], threads: int) -> None:
    def collect(each: Target) -> str:
        if not good[int(each.name[1:])]:
            raise UnreachableError(f"{each.name} is down", "start it")
        return each.name

    found = sweep_all(targets(len(good)), collect, threads=threads, budget_s=30)
    assert [outcome.target.name for outcome in found] == [f"t{n}" for n in range(len(good))]
    assert [outcome.ok for outcome in found] == good
    for outcome in found:
        assert outcome.record == (outcome.target.name if outcome.ok else None)
        assert ("is down" in outcome.reason and "start it" in outcome.reason) is not outcome.ok


def test_a_silent_target_is_given_up_and_the_others_go_on() -> None:
    release = threading.Event()

    def collect(each: Target) -> str:
        if each.name in ("t0", "t1"):
            release.wait(120)
        return each.name

    started = time.monotonic()
    found = sweep_all(targets(5), collect, threads=2, budget_s=1.0)
    elapsed = time.monotonic() - started
    release.set()
    assert [outcome.ok for outcome in found] == [False, False, True, True, True]
    assert found[0].reason == "no result within 1 s; given up"
    assert elapsed < 60  # not the two minutes that it is silent


def test_a_late_result_is_dropped() -> None:
    release, over = threading.Event(), threading.Event()

    def collect(each: Target) -> str:
        if each.name == "t0":
            release.wait(60)
        else:
            release.set()
            over.wait(60)
        return each.name

    found = sweep_all(targets(2), collect, threads=1, budget_s=0.1)
    over.set()
    assert [outcome.ok for outcome in found] == [False, False]


def test_at_most_so_many_at_once() -> None:
    lock, running, most = threading.Lock(), [], []

    def collect(each: Target) -> str:
        with lock:
            running.append(each.name)
            most.append(len(running))
        time.sleep(0.01)
        with lock:
            running.remove(each.name)
        return each.name

    sweep_all(targets(9), collect, threads=3, budget_s=30)
    assert max(most) <= 3


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cret%21@db/shop",
        "postgresql://db/shop?user=ann&password=s3cret%21",
        "host=db user=ann password=s3cret!",
    ],
)
def test_a_password_never_gets_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", url)
    shop = Target("shop", "SHOP_URL", date(2026, 1, 1))

    def collect(each: Target) -> str:
        raise RuntimeError(f"cannot open {each.url()}, password is s3cret! or s3cret%21")

    (outcome,) = sweep_all([shop], collect, threads=1, budget_s=30)
    assert "cannot open" in outcome.reason
    assert "s3cret" not in outcome.reason


def test_a_short_password_does_not_garble_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOWHERE_URL", "postgresql://u:p@h/d")
    shown = without_password("postgresql://u@h: check port; p=p", target("shop"))
    assert shown == "postgresql://u@h: check port; ***=***"


def test_a_text_without_a_password_is_left_alone() -> None:
    assert without_password("quite harmless", target("shop")) == "quite harmless"


def outcome(*, ok: bool) -> Outcome[str]:
    return Outcome(target("shop"), "record" if ok else None, "" if ok else "down", 0.1)


@pytest.mark.parametrize(
    ("reached", "unreached", "ok", "due"),
    [
        (None, None, True, True),
        (None, None, False, True),
        (5, None, True, False),
        (60, None, True, True),
        (5, None, False, True),
        (30, 5, True, True),
        (30, 5, False, False),
        (90, 60, False, True),
        (5, 30, True, False),
        (5, 30, False, True),
    ],
)
def test_changes_are_announced_at_once_and_the_rest_hourly(
    reached: int | None, unreached: int | None, ok: bool, due: bool
) -> None:
    def ago(minutes: int | None) -> datetime | None:
        return None if minutes is None else NOW - timedelta(minutes=minutes)

    announced = {"shop": Announced(ago(reached), ago(unreached))}
    assert bool(to_announce([outcome(ok=ok)], announced, NOW)) is due


def test_a_day_of_sweeps_is_announced_once_an_hour() -> None:
    announced: dict[str, Announced] = {}
    said = 0
    for minute in range(0, 24 * 60, 5):
        now = NOW + timedelta(minutes=minute)
        if to_announce([outcome(ok=True)], announced, now):
            announced["shop"] = Announced(reached=now)
            said += 1
    assert said == timedelta(days=1) // ANNOUNCE_EVERY
