"""Three nodes of a real cluster: an entity's names are on one, a type's epoch on any."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis.crc import key_slot

from perf_pipeline.invalidation import sinks
from perf_pipeline.invalidation.client import CacheClient, Limits, read_counters
from perf_pipeline.invalidation.sinks import SinkError, SinkPolicy
from perf_pipeline_tests.invalidation.sinks.common import Application, named
from perf_pipeline_tests.servers.caches import RedisServer

pytestmark = [pytest.mark.server]

POLICY = SinkPolicy(
    "redis", key="dashboard:{id}:{date}", entity="id", prefix="c:", cluster=True, attempts=1
)
SLOTS = 16_384


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[RedisServer]]:
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "60000")
    servers = [RedisServer(tmp_path / str(n), *options) for n in range(3)]
    try:
        for server in servers:
            server.start()
        joined(servers)
        yield servers
    finally:
        for server in servers:
            server.stop()


def joined(servers: list[RedisServer]) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for server in servers]
        for n, client in enumerate(clients):
            client.execute_command("CLUSTER SET-CONFIG-EPOCH", n + 1)
            first, last = SLOTS * n // 3, SLOTS * (n + 1) // 3 - 1
            client.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
            client.execute_command("CLUSTER MEET", "127.0.0.1", servers[0].port)
        deadline = time.monotonic() + 60
        while any(c.execute_command("CLUSTER INFO")["cluster_state"] != "ok" for c in clients):
            assert time.monotonic() < deadline, "the nodes found no cluster"
            time.sleep(0.02)


def slot_third(entity: str) -> int:
    return key_slot(f"{{{entity}}}".encode()) * 3 // SLOTS


def test_a_cluster_is_invalidated_and_loses_a_node(
    nodes: list[RedisServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERF_REDIS_URL", nodes[0].url)
    sink, app = sinks.make(POLICY), Application(POLICY, "dashboard")
    entities = [str(n) for n in range(30)]
    for entity in entities:
        app.put(entity, b"v", date="d")
    assert {slot_third(entity) for entity in entities} == {0, 1, 2}

    assert sink.invalidate("dashboard", named(*entities[:15])) == {}
    assert [app.read(entity, date="d") for entity in entities] == [None] * 15 + [b"v"] * 15
    assert sink.invalidate("dashboard", named("*")) == {}
    assert [app.read(entity, date="d") for entity in entities] == [None] * 30

    # a fill from before either is refused
    assert app.lease("1", "t", date="d") == [b"taken"]
    sink.invalidate("dashboard", named(1))
    assert not app.fill("1", "t", b"old", date="d")

    # the client, on any node
    with CacheClient({"dashboard": POLICY}, listen=False, limits=Limits(l1_keys=0)) as cache:
        for entity in entities:
            assert cache.get("dashboard", entity, lambda: "new", {"date": "e"}) == "new"
            assert cache.get("dashboard", entity, lambda: "again", {"date": "e"}) == "new"
        sink.invalidate("dashboard", named(*entities[:10]))
        for entity in entities:
            again = cache.get("dashboard", entity, lambda: "again", {"date": "e"})
            assert again == ("again" if int(entity) < 10 else "new")
        assert cache.flush_counters()
    assert read_counters({"dashboard": POLICY})["dashboard"][0].l2_hits == 50

    # one node less: nothing of the batch counts as done
    nodes[2].kill()
    with pytest.raises(SinkError, match="stays due"):
        sink.invalidate("dashboard", named(*entities))
    sink.close()
    app.close()
