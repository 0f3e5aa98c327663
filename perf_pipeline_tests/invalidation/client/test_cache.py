"""The client on a real Redis, with the real sink, and every interleaving that made others stale."""

import os
import random
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation import sinks
from perf_pipeline.invalidation.client import CacheClient, Limits, SinkPolicy, listen, read_counters
from perf_pipeline_tests.invalidation.sinks.common import CONFIG, DASHBOARD, named
from perf_pipeline_tests.servers.caches import RedisServer

pytestmark = [pytest.mark.server]

POLICIES = {"config": CONFIG, "dashboard": DASHBOARD}
Make = Callable[..., CacheClient]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Return a maker of clients, closed after the test."""
    monkeypatch.setattr(listen, "POLL_S", 0.02)
    made: list[CacheClient] = []

    def client(**given: Any) -> CacheClient:
        made.append(CacheClient(POLICIES, **given))
        return made[-1]

    yield client
    for one in made:
        one.close()


@pytest.fixture
def forget(redis_server: RedisServer) -> Iterator[Callable[..., None]]:
    """Return what a worker does: tell the real sink."""
    sink = sinks.make(CONFIG)

    def tell(cache_type: str, *entities: object) -> None:
        assert sink.invalidate(cache_type, named(*entities)) == {}

    yield tell
    sink.close()


def eventually(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.005)


def never() -> Any:
    raise AssertionError("computed though it was cached")


def test_computed_once_then_from_the_process_then_from_redis(
    redis_server: RedisServer, make: Make
) -> None:
    one, other = make(), make()
    eventually(lambda: one.heard)
    assert one.get("dashboard", "1", lambda: {"sum": 3}, {"date": "d"}) == {"sum": 3}
    assert one.get("dashboard", "1", never, {"date": "d"}) == {"sum": 3}
    assert other.get("dashboard", "1", never, {"date": "d"}) == {"sum": 3}
    assert one.get("dashboard", "1", lambda: None, {"date": "e"}) is None
    assert other.get("dashboard", "1", never, {"date": "e"}) is None
    with redis_server.client() as client:
        assert client.get("dashboard:metrics:{1}:d") == b'{"sum": 3}'
        assert 0 < client.pttl("dashboard:metrics:{1}:d") <= 300_000
    mine, others = one.counters()["dashboard"], other.counters()["dashboard"]
    assert (mine.l1_hits, mine.l2_hits, mine.misses, mine.stored) == (1, 0, 2, 2)
    assert (others.l1_hits, others.l2_hits, others.misses) == (0, 2, 0)


@pytest.mark.parametrize("entity", ["1", "*"])
def test_both_levels_of_every_process_forget(
    make: Make, forget: Callable[..., None], entity: str
) -> None:
    clients = [make(), make()]
    eventually(lambda: all(client.heard for client in clients))
    for client in clients:
        client.get("config", "1", lambda: "old")
    forget("config", entity)
    for client in clients:
        eventually(lambda client=client: client.get("config", "1", lambda: "new") == "new")


def test_what_is_computed_while_it_is_invalidated_is_kept_nowhere(
    make: Make, forget: Callable[..., None]
) -> None:
    """The late fill: read before the change, returned after the invalidation."""
    client = make()
    eventually(lambda: client.heard)

    def compute() -> str:
        forget("config", 1)
        return "old"

    assert client.get("config", "1", compute) == "old"  # the call began before the change
    assert client.counters()["config"].refused == 1
    assert client.get("config", "1", lambda: "new") == "new"
    assert client.get("config", "1", never) == "new"


def test_who_begins_after_an_invalidation_does_not_wait_for_who_began_before(
    redis_server: RedisServer, make: Make
) -> None:
    client = make()
    eventually(lambda: client.heard)
    began, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        assert go_on.wait(30)
        return "old"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.get, "config", "1", slow)
        assert began.wait(30)
        sink = sinks.make(CONFIG)
        sink.invalidate("config", named(1))
        sink.close()
        eventually(lambda: not client._flights)
        assert client.get("config", "1", lambda: "new") == "new"
        go_on.set()
        assert first.result(30) == "old"
    assert client.get("config", "1", never) == "new"


def test_many_threads_compute_once(redis_server: RedisServer, make: Make) -> None:
    client = make()
    eventually(lambda: client.heard)
    calls = []
    gate = threading.Barrier(8)

    def compute() -> int:
        calls.append(1)
        time.sleep(0.05)  # most come meanwhile; one that comes later finds the value
        return 7

    def look(_: int) -> Any:
        gate.wait(30)
        return client.get("config", "1", compute)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(look, range(8))) == [7] * 8
    assert len(calls) == 1


def test_an_error_is_everybodys_who_waited_and_leaves_nothing(
    redis_server: RedisServer, make: Make
) -> None:
    client = make()

    def fail() -> None:
        raise LookupError("no such business")

    with pytest.raises(LookupError, match="no such business"):
        client.get("config", "1", fail)
    began = time.monotonic()
    assert client.get("config", "1", lambda: 1) == 1  # the lease was given back
    assert client.counters()["config"].stored == 1
    assert time.monotonic() - began < 30


def test_a_computation_that_asks_for_itself_does_not_wait_for_itself(
    redis_server: RedisServer, make: Make
) -> None:
    client = make()
    eventually(lambda: client.heard)
    assert client.get("config", "1", lambda: client.get("config", "1", lambda: 5)) == 5


def test_another_process_computes_and_is_waited_for(redis_server: RedisServer, make: Make) -> None:
    one, other = make(), make(limits=Limits(wait_s=60.0))
    began, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        assert go_on.wait(30)
        return "v"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(one.get, "config", "1", slow)
        assert began.wait(30)
        second = pool.submit(other.get, "config", "1", never)
        go_on.set()
        assert (first.result(30), second.result(30)) == ("v", "v")
    impatient = make(limits=Limits(wait_s=0.0))
    began.clear()
    go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(one.get, "config", "2", slow)
        assert began.wait(30)
        assert impatient.get("config", "2", lambda: "own") == "own"
        assert impatient.counters()["config"].waited == 1
        go_on.set()
        first.result(30)


def test_a_killed_redis_costs_values_not_answers(own_redis: RedisServer, make: Make) -> None:
    """Nothing old is served after it: the process' level is emptied when the channel is lost."""
    client = make(limits=Limits(rest_s=0.0, unheard_ttl_s=0.0))
    eventually(lambda: client.heard)
    client.get("config", "1", lambda: "old")
    own_redis.kill()
    eventually(lambda: not client.heard)
    assert client.get("config", "1", lambda: "new") == "new"
    assert client.get("config", "1", lambda: "newer") == "newer"
    assert client.counters()["config"].errors == 2
    own_redis.start()
    eventually(lambda: client.heard)
    assert client.get("config", "1", lambda: "newest") == "newest"
    assert client.get("config", "1", never) == "newest"


def test_a_redis_that_failed_rests(own_redis: RedisServer, make: Make) -> None:
    now = 0.0
    client = make(limits=Limits(unheard_ttl_s=0.0), listen=False, clock=lambda: now)
    own_redis.kill()
    for _ in range(3):
        assert client.get("config", "1", lambda: 1) == 1
    assert client.counters()["config"].errors == 1
    now = 1.1
    client.get("config", "1", lambda: 1)
    assert client.counters()["config"].errors == 2


def test_a_missed_message_is_not_missed(redis_server: RedisServer, make: Make) -> None:
    """The server closes the listener's connection, the message comes meanwhile to nobody."""
    client = make()
    eventually(lambda: client.heard)
    client.get("config", "1", lambda: "old")
    with redis_server.client() as other:
        other.client_kill_filter(_type="pubsub")
    sink = sinks.make(CONFIG)
    sink.invalidate("config", named(1))
    sink.close()
    eventually(lambda: client.get("config", "1", lambda: "new") == "new")


def test_unheard_values_live_briefly(redis_server: RedisServer, make: Make) -> None:
    now = 0.0
    client = make(listen=False, clock=lambda: now, limits=Limits(unheard_ttl_s=1.0))
    client.get("config", "1", lambda: 1)
    client.get("config", "1", never)
    now = 1.1
    client.get("config", "1", never)
    counted = client.counters()["config"]
    assert (counted.l1_hits, counted.l2_hits) == (1, 1)


def test_counters_come_together_in_redis(redis_server: RedisServer, make: Make) -> None:
    one, other = make(), make()
    one.get("config", "1", lambda: 1)
    other.get("config", "1", never)
    assert one.flush_counters()
    assert other.flush_counters()
    assert other.flush_counters()  # nothing twice
    [(name, (counted, since))] = read_counters(POLICIES).items()
    assert name == "config"
    assert (counted.misses, counted.l2_hits, counted.stored) == (1, 1, 1)
    assert counted.hit_percent == 50.0
    assert since.tzinfo is not None


def test_counters_wait_for_a_redis_that_is_away(own_redis: RedisServer, make: Make) -> None:
    client = make(listen=False)
    client.get("config", "1", lambda: 1)
    own_redis.kill()
    assert not client.flush_counters()
    own_redis.start()
    assert client.flush_counters()
    assert read_counters(POLICIES)["config"][0].misses == 1


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        ({}, "needs a cache type"),
        ({"a": SinkPolicy("redis")}, "names no key"),
        ({"a": SinkPolicy("notify")}, "names no key"),
        ({"a": CONFIG, "b": SinkPolicy("redis", key="{x}", url_env="O")}, "another server"),
        ({"a": CONFIG}, "PERF_REDIS_URL is not set"),
    ],
)
def test_what_cannot_be_is_refused(policies: dict[str, SinkPolicy], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CacheClient(policies)


def test_an_undeclared_cache_type_is_refused(redis_server: RedisServer, make: Make) -> None:
    with pytest.raises(ConfigurationError, match="'sessions' is not declared"):
        make().get("sessions", "1", lambda: 1)


def test_once_all_is_told_every_cache_says_the_truth(redis_server: RedisServer, make: Make) -> None:
    """Writers, readers that compute slowly, a worker that tells each change: all at once."""
    clients = [make(), make()]
    truth = dict.fromkeys("abcd", 0)

    def compute(entity: str, pause: float) -> int:
        value = truth[entity]
        time.sleep(pause)  # the change that comes now must not be undone by this value
        return value

    def read(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(200):
            entity, pause = chance.choice("abcd"), chance.choice((0.0, 0.0, 0.002))
            clients[seed % 2].get("config", entity, partial(compute, entity, pause))

    def write(seed: int) -> None:
        chance, sink = random.Random(seed), sinks.make(CONFIG)
        mine = "ab" if seed % 2 else "cd"
        for _ in range(100):
            entity = chance.choice(mine)
            truth[entity] += 1
            sink.invalidate("config", named(entity if chance.random() < 0.9 else "*"))
        sink.close()

    with ThreadPoolExecutor(6) as pool:
        done = [*(pool.submit(read, n) for n in range(4)), *(pool.submit(write, n) for n in (4, 5))]
        for each in done:
            each.result(120)
    for client in clients:
        for entity, value in truth.items():
            eventually(
                lambda c=client, e=entity, v=value: c.get("config", e, partial(compute, e, 0)) == v
            )


def test_a_forked_process_begins_with_nothing_and_listens_itself(
    redis_server: RedisServer, make: Make
) -> None:
    """Web servers fork after the application is loaded: the listening thread stays behind."""
    client = make()
    eventually(lambda: client.heard)
    client.get("config", "1", lambda: "old")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from 3.12 on: threads run
        child = os.fork()
    if child == 0:
        try:
            kept = len(client._l1)
            eventually(lambda: client.heard)
            client.get("config", "1", never)  # from Redis, to be kept here
            sink = sinks.make(CONFIG)
            sink.invalidate("config", named(1))
            eventually(lambda: client.get("config", "1", lambda: "new") == "new")
            os._exit(3 if kept else 0)
        finally:
            os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    eventually(lambda: client.get("config", "1", lambda: "new") == "new")
