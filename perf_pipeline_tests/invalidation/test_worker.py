"""A worker without Dagster: it outlives servers that are away, and ends when it is told to."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError, UnreachableError
from perf_pipeline.invalidation import drain, record, worker
from perf_pipeline.invalidation.figures import Drained, Served
from perf_pipeline.invalidation.keeping import Keeper
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.postgres.target import Target

TARGET = Target("app", "APP_URL", date(2026, 1, 1))
CACHES = (CacheType("kept"),)
WORKED = Drained("app", datetime(2026, 3, 1, tzinfo=UTC), 1.0, "budget", 3, (Served("kept", 3, 1),))
IDLE = Drained("app", datetime(2026, 3, 1, tzinfo=UTC), 1.0, "budget", 0, (Served("kept"),))


class Stop:
    """Ends the worker when what it is to see has been seen; it never waits."""

    def __init__(self, rounds: list[Drained | Exception]) -> None:
        self.rounds = rounds
        self.waited: list[float] = []

    def is_set(self) -> bool:
        return not self.rounds

    def wait(self, timeout: float) -> bool:
        self.waited.append(timeout)
        return self.is_set()

    def drain(self, *_: object, **__: object) -> Drained:
        found = self.rounds.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


Serve = Callable[..., tuple[Stop, list[Drained], list[Drained], list[str]]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    def run(*rounds: Drained | Exception, kept: Any = None) -> Any:
        stop = Stop(list(rounds))
        told: list[Drained] = []
        complaints: list[str] = []
        monkeypatch.setattr(drain, "drain", stop.drain)
        monkeypatch.setattr(record, "add", kept or (lambda *_: 1))
        keeper = Keeper(complaints.append)
        monkeypatch.setattr(keeper, "_store", object())
        last = worker.serve_on(keeper, TARGET, CACHES, stop, None, told.append, complaints.append)
        return stop, last, told, complaints

    return run


def test_rounds_with_work_are_told_and_kept(serve: Serve) -> None:
    kept: list[Drained] = []
    _, last, told, complaints = serve(
        WORKED, IDLE, WORKED, kept=lambda _, drained: kept.append(drained)
    )
    assert (last, told, kept, complaints) == ([WORKED], [WORKED] * 2, [WORKED] * 2, [])


def test_a_server_that_is_away_is_tried_again_ever_more_slowly(serve: Serve) -> None:
    away = [UnreachableError("gone", "wait")] * 8
    stop, last, _, complaints = serve(*away, WORKED, UnreachableError("gone", "wait"), WORKED)
    assert stop.waited == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 0.5]
    assert complaints[0] == "app: gone; again in 0.5 s"
    assert last == [WORKED]


def test_a_store_that_is_away_stops_nothing(serve: Serve) -> None:
    def fail(*_: object) -> None:
        raise UnreachableError("the store is away", "wait")

    _, _, told, complaints = serve(WORKED, WORKED, kept=fail)
    assert told == [WORKED] * 2
    assert complaints == ["not kept in the store: the store is away"]  # once for one reason


def test_a_store_that_comes_back_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    complaints: list[str] = []
    monkeypatch.setenv("PERF_STORE_URL", "postgresql://nobody@127.0.0.1:1/none")
    settings.current.cache_clear()
    kept: list[Drained] = []
    monkeypatch.setattr(record, "add", lambda _, drained: kept.append(drained))
    with Keeper(complaints.append) as keeper:
        keeper.keep(WORKED)
        keeper.keep(WORKED)
        assert (len(complaints), kept) == (1, [])
        assert "cannot be reached" in keeper.missing or "127.0.0.1" in keeper.missing
        monkeypatch.setattr(keeper, "_store", object())
        keeper.keep(WORKED)
    assert (len(complaints), kept, keeper.missing) == (1, [WORKED], "")


def test_what_is_declared_wrong_ends_it(serve: Serve) -> None:
    with pytest.raises(ConfigurationError, match="no queue"):
        serve(ConfigurationError("no queue", "install"), WORKED)


def test_told_to_stop_before_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    stop.set()
    monkeypatch.setattr(drain, "drain", lambda *_, **__: pytest.fail("it began"))
    assert (
        worker.serve_on(Keeper(print), TARGET, CACHES, stop, None, lambda _: None, lambda _: None)
        == []
    )
