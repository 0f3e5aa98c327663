"""The Redis sink on a real server: exact, safe against late fills, never silent when it fails."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation import sinks
from perf_pipeline.invalidation.sinks import SinkError, SinkPolicy, servers
from perf_pipeline.invalidation.sinks.redis_sink import RedisSink
from perf_pipeline_tests.invalidation.sinks.common import CONFIG, DASHBOARD, Application, named
from perf_pipeline_tests.servers.caches import RedisServer

pytestmark = [pytest.mark.server]

Maker = Callable[[SinkPolicy, str], Application]


@pytest.fixture
def sink(redis_server: RedisServer) -> Iterator[sinks.Sink]:
    made = sinks.make(DASHBOARD)
    yield made
    made.close()


def test_all_keys_of_an_entity_go_and_no_other(sink: sinks.Sink, application: Maker) -> None:
    app = application(DASHBOARD, "dashboard")
    for entity in ("1", "2"):
        for date in ("2026-11-20", "2026-11-21"):
            app.put(entity, b"v", date=date)
    assert sink.invalidate("dashboard", named(1)) == {}
    left = {key.decode() for key in app.client.keys("dashboard:*")}
    assert left == {"dashboard:metrics:{2}:2026-11-20", "dashboard:metrics:{2}:2026-11-21"}
    assert app.read("1", date="2026-11-20") is None
    assert app.read("2", date="2026-11-20") == b"v"
    assert sink.invalidate("dashboard", named(1)) == {}  # twice is safe


def test_a_key_written_by_hand_goes_where_the_entity_alone_names_it(
    redis_server: RedisServer,
) -> None:
    """No tag knows it: another application wrote it, with plain names."""
    policy = SinkPolicy("redis", key="user:session:{session_id}", hash_tags=False)
    sink = sinks.make(policy)
    with redis_server.client() as client:
        client.set("user:session:7", "profile")
        client.set("user:session:8", "profile")
        sink.invalidate("session", named(7))
        assert client.keys("user:*") == [b"user:session:8"]
    sink.close()


def test_every_one_is_one_write_however_many_there_are(
    sink: sinks.Sink, application: Maker
) -> None:
    app, other = application(DASHBOARD, "dashboard"), application(CONFIG, "config")
    for entity in range(50):
        app.put(str(entity), b"v", date="d")
    other.put("1", b"config")
    before = app.client.info("commandstats")
    sink.invalidate("dashboard", named(3, "*"))
    after = app.client.info("commandstats")
    deleted = "cmdstat_unlink"
    assert after[deleted]["calls"] == before[deleted]["calls"]
    assert [app.read(str(entity), date="d") for entity in range(50)] == [None] * 50
    assert other.read("1") == b"config"
    app.put("3", b"new", date="d")
    assert app.read("3", date="d") == b"new"
    assert app.read("4", date="d") is None


def late(app: Application, sink: sinks.Sink, entity: str) -> bytes | None:
    """Compute before a change, store after its invalidation; return what is read then."""
    truth = b"old"
    assert app.lease("5", "mine") == [b"taken"]
    computed = truth
    truth = b"new"
    sink.invalidate("config", named(entity))
    app.fill("5", "mine", computed)
    return app.read("5")


@pytest.mark.parametrize("entity", ["5", "*"])
def test_a_late_fill_is_refused(redis_server: RedisServer, application: Maker, entity: str) -> None:
    sink = sinks.make(CONFIG)
    app = application(CONFIG, "config")
    assert late(app, sink, entity) is None
    app.put("5", b"new")
    assert app.read("5") == b"new"
    sink.close()


def test_without_the_token_it_would_come_back(
    redis_server: RedisServer, application: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same steps, by a script that stores whatever comes: the old value is served again."""
    careless = (
        "redis.call('SET', KEYS[1], ARGV[3])"
        "local mark = ARGV[1] .. '@' .. string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')"
        "redis.call('ZADD', KEYS[2], '+inf', mark, 9e15, KEYS[1]) return 1"
    )
    real = servers.source
    monkeypatch.setattr(servers, "source", lambda n: careless if n == "fill" else real(n))
    sink = sinks.make(CONFIG)
    assert late(application(CONFIG, "config"), sink, "5") == b"old"
    sink.close()


def test_the_lease_is_the_first_ones_until_it_is_taken_away(
    redis_server: RedisServer, application: Maker
) -> None:
    sink = sinks.make(CONFIG)
    app = application(CONFIG, "config")
    assert app.lease("1", "a") == [b"taken"]
    held, left = app.lease("1", "b")
    assert held == b"held"
    assert 0 < left <= 30_000
    assert not app.fill("1", "b", b"not mine to store")
    sink.invalidate("config", named(1))
    assert app.lease("1", "b") == [b"taken"]
    assert not app.fill("1", "a", b"old")
    assert app.fill("1", "b", b"new")
    assert app.lease("1", "c") == [b"value", b"new"]
    sink.close()


def test_members_that_expired_leave_the_tag(application: Maker, sink: sinks.Sink) -> None:
    brief = SinkPolicy("redis", key=DASHBOARD.key, entity="business_id", ttl_s=0.001)
    app, tag = application(brief, "dashboard"), DASHBOARD.tag_of("dashboard", "1")
    for day in range(20):
        app.put("1", b"v", date=str(day))
    application(DASHBOARD, "dashboard").put("1", b"v", date="last")
    members = app.client.zrange(tag, 0, -1)
    assert len(members) < 20
    assert app.client.pttl(tag) > 0


def test_a_value_whose_tag_was_evicted_is_not_served(application: Maker, sink: sinks.Sink) -> None:
    """It could not be invalidated any more."""
    app = application(DASHBOARD, "dashboard")
    app.put("1", b"v", date="d")
    app.client.delete(DASHBOARD.tag_of("dashboard", "1"))
    assert app.client.get(DASHBOARD.key_of("1", {"date": "d"})) == b"v"
    assert app.read("1", date="d") is None
    assert app.lease("1", "t", date="d") == [b"taken"]


def test_listeners_hear_after_the_deletion(
    redis_server: RedisServer, sink: sinks.Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis_server.client() as client, client.pubsub() as heard:
        heard.subscribe("perf:invalidated")
        assert heard.get_message(timeout=20)["type"] == "subscribe"
        monkeypatch.setattr("perf_pipeline.invalidation.sinks.redis_sink.MESSAGE_BYTES", 100)
        sink.invalidate("dashboard", named(*range(50)))
        told: list[str] = []
        while len(told) < 50:
            message = heard.get_message(timeout=20)
            assert len(message["data"]) <= 100
            told += json.loads(message["data"])["e"]
        assert told == [str(entity) for entity in range(50)]


def test_one_bad_entity_is_an_error_of_its_own(application: Maker, sink: sinks.Sink) -> None:
    app = application(DASHBOARD, "dashboard")
    app.put("1", b"v", date="d")
    app.client.set(DASHBOARD.tag_of("dashboard", "2"), "no sorted set")
    errors = sink.invalidate("dashboard", named(1, 2))
    assert set(errors) == {"2"}
    assert "WRONGTYPE" in errors["2"]
    assert app.read("1", date="d") is None


def test_killed_and_begun_again(own_redis: RedisServer, application: Maker) -> None:
    """Down: the whole sink is, and says so. Back: its scripts are gone, and it works."""
    sink = RedisSink(SinkPolicy("redis", key=CONFIG.key, attempts=1))
    app = application(CONFIG, "config")
    app.put("1", b"v")
    own_redis.kill()
    with pytest.raises(SinkError, match=r"PERF_REDIS_URL.*refused") as caught:
        sink.invalidate("config", named(1, 2))
    assert "stays due" in str(caught.value)
    own_redis.start()
    assert app.read("1") is None
    app.put("1", b"v")
    assert sink.invalidate("config", named(1, 2)) == {}
    assert app.read("1") is None
    sink.close()


def test_a_server_back_from_its_disk_serves_nothing_old(
    own_redis: RedisServer, application: Maker
) -> None:
    """Its snapshot is older than the last invalidation: what it restored must not be trusted."""
    sink = sinks.make(CONFIG)
    app = application(CONFIG, "config")
    app.put("1", b"old")
    app.client.save()
    sink.invalidate("config", named(1))
    own_redis.kill()
    own_redis.start()
    assert app.client.get("business:config:{1}") == b"old"  # it is there
    assert app.read("1") is None
    app.put("1", b"new")
    assert app.read("1") == b"new"
    sink.close()


def test_a_flushed_server_loses_values_and_leases(
    redis_server: RedisServer, application: Maker
) -> None:
    app = application(CONFIG, "config")
    assert app.lease("1", "t") == [b"taken"]
    app.client.flushall()
    app.client.script_flush()
    assert not app.fill("1", "t", b"old")
    sink = sinks.make(CONFIG)
    assert sink.invalidate("config", named(1)) == {}
    sink.close()


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.socket() as black_hole:
        black_hole.bind(("127.0.0.1", 0))
        black_hole.listen()
        port = black_hole.getsockname()[1]
        monkeypatch.setenv("PERF_REDIS_URL", f"redis://:hidden@127.0.0.1:{port}")
        sink = sinks.make(SinkPolicy("redis", timeout_s=0.1, attempts=2))
        with pytest.raises(SinkError) as caught:
            sink.invalidate("config", named(1))
        assert "hidden" not in str(caught.value)
        sink.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [(None, "is not set"), ("http://x", "no redis:// URL"), ("redis://h:port", "PERF_REDIS_URL")],
)
def test_a_url_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, url: str | None, message: str
) -> None:
    if url is not None:
        monkeypatch.setenv("PERF_REDIS_URL", url)
    with pytest.raises(ConfigurationError, match=message):
        sinks.make(CONFIG).invalidate("config", named(1))


def test_without_rights_it_says_so(redis_server: RedisServer, monkeypatch: Any) -> None:
    with redis_server.client() as client:
        client.acl_setuser("reader", enabled=True, nopass=True, keys=["*"], commands=["+get"])
        monkeypatch.setenv("PERF_REDIS_URL", redis_server.url.replace("//", "//reader:x@"))
        sink = sinks.make(CONFIG)
        with pytest.raises(SinkError, match="NoPermission"):
            sink.invalidate("config", named(1))
        sink.close()
        client.acl_deluser("reader")


def test_a_server_that_takes_no_writes_blames_no_entity(own_redis: RedisServer) -> None:
    """A replica, or no memory left: otherwise each entity would soon be dead for it."""
    sink = sinks.make(CONFIG)
    with own_redis.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", own_redis.port)
        with pytest.raises(SinkError, match=r"(?i)read.?only"):
            sink.invalidate("config", named(1, 2))
        client.execute_command("REPLICAOF", "NO", "ONE")
    assert sink.invalidate("config", named(1, 2)) == {}
    sink.close()
