"""Probes every half minute: what is asked, what is kept, and outages shorter than a sweep apart."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from perf_pipeline import settings
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError, UnreachableError
from perf_pipeline.postgres.promises import Promises
from perf_pipeline.postgres.replicas import Replica, State
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import availability, probe_defs, replicas_seen
from perf_pipeline.snapshots.probe import EVERY_S, RETRIES, Probed, probe, probe_all
from perf_pipeline.store import Store, targets

pytestmark = pytest.mark.server

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
HALF = timedelta(seconds=EVERY_S)


def shop(name: str = "shop", env: str | None = None) -> Target:
    promises = Promises(availability_percent=99.9, probe_env=env)
    return Target(name, "SHOP_URL", date(2026, 1, 1), promises=promises)


def test_it_goes_the_way_applications_go(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_URL", server.url("postgres"))
    own = probe(shop(env="SHOP_POOL_URL"))
    assert (own.via, own.attempts, own.reason, own.wrong) == ("server", 1, "", "")
    assert own.ms is not None
    paused: list[float] = []
    monkeypatch.setenv("SHOP_POOL_URL", "postgresql://nobody@127.0.0.1:1/shop")
    # the server is there, its pool is not: nobody who goes through the pool gets in
    away = probe(shop(env="SHOP_POOL_URL"), pause=paused.append)
    assert (away.ms, away.attempts, len(paused)) == (None, 1 + RETRIES, RETRIES)
    assert away.reason.startswith("pool: ")
    assert "refused" in away.reason
    monkeypatch.setenv("SHOP_POOL_URL", server.url("no_such_database"))
    wrong = probe(shop(env="SHOP_POOL_URL"), pause=paused.append)
    assert (wrong.ms, wrong.attempts, wrong.reason) == (None, 1, "")
    assert "does not exist" in wrong.wrong


def test_what_answers_at_the_second_attempt_was_there() -> None:
    tried: list[str] = []

    def asking(url: str) -> None:
        tried.append(url)
        if len(tried) < 3:
            raise UnreachableError("no answer within 5 s")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_URL", "postgresql://x")
        found = probe(shop(), asking, lambda _: None)
    assert (found.attempts, found.ms is not None) == (3, True)


def test_a_probe_without_a_promise_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="probe_env is SHOP_POOL_URL"):
        Promises(probe_env="SHOP_POOL_URL")


def test_an_outage_shorter_than_five_minutes_counts(shared_store: Store) -> None:
    """Away for three probes, through the pool; the sweep beside them went another way."""
    one = shop("short")
    target_id = targets.register(shared_store, one.name)

    def found(place: int) -> Probed:
        if 100 <= place < 103:
            return Probed(one.name, "pool", None, 4, reason="pool: refused")
        return Probed(one.name, "pool", 3.0, 1)

    for place in range(99, 104):
        probe_all(shared_store, [one], AT + place * HALF, lambda _, p=place: found(p))
    with shared_store.begin() as connection:
        connection.execute(
            "INSERT INTO monitoring.measurements SELECT 'short', 'probe_ms', 'pool', at, 3.0"
            " FROM generate_series(%s::timestamptz, %s, interval '30 seconds') AS at"
            " WHERE NOT (at >= %s AND at < %s) ON CONFLICT DO NOTHING",
            (AT, AT + 999 * HALF, AT + 100 * HALF, AT + 103 * HALF),
        )
    now = AT + 1000 * HALF
    reading = availability.read(shared_store, one, target_id, now)
    assert reading.figures["away_minutes"] == 1.5
    assert reading.figures["longest_outage_minutes"] == 1.5
    # eight hours of probes tell what takes 83 hours of sweeps
    assert reading.value == pytest.approx(100 * 997 / 1000)
    with shared_store.begin() as connection:
        (kept,) = connection.execute(
            "SELECT reason FROM monitoring.unreached WHERE target = 'short' LIMIT 1"
        ).fetchone() or ("",)
    assert kept == "pool: refused"


def test_our_own_mistake_is_kept_as_nothing(shared_store: Store) -> None:
    one = shop("mistaken")
    probe_all(shared_store, [one], AT, lambda _: Probed("mistaken", "server", None, 1, wrong="x"))
    with shared_store.begin() as connection:
        for table in ("unreached", "measurements"):
            found = connection.execute(
                f"SELECT count(*) FROM monitoring.{table} WHERE target = 'mistaken'"
            ).fetchone()
            assert found == (0,)


def test_the_sensor_probes_and_starts_nothing(
    shared_store: Store, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERF_STORE_URL", shared_store.url)
    monkeypatch.setenv("SHOP_URL", server.url("postgres"))
    settings.current.cache_clear()
    (sensor,) = probe_defs.fleet_definitions([shop("sensed")]).sensors or ()
    assert isinstance(sensor, dg.SensorDefinition)
    assert sensor.minimum_interval_seconds == EVERY_S
    said = sensor(dg.build_sensor_context())
    assert isinstance(said, dg.SkipReason)
    assert "sensed server: " in (said.skip_message or "")
    # nothing is promised: nothing is probed
    plain = Target("plain", "SHOP_URL", date(2026, 1, 1))
    assert not probe_defs.fleet_definitions([plain]).sensors
    monkeypatch.setenv("PERF_STORE_URL", "postgresql://nobody@127.0.0.1:1/none")
    settings.current.cache_clear()
    refused = sensor(dg.build_sensor_context())
    assert isinstance(refused, dg.SkipReason)
    assert "refused" in (refused.skip_message or "")


def test_replicas_that_may_not_be_read_are_counted(shared_store: Store) -> None:
    replicas = tuple(Replica(name, "X") for name in ("a", "b", "c"))
    one = Target("copied", "SHOP_URL", date(2026, 1, 1), replicas=replicas)
    states = [
        State("primary", False, 0.0),
        State("a", True, 0.0),
        State("b", True, 90.0, "is 90 s behind"),
        State("c", None, None, "not reached"),
    ]
    replicas_seen.note(shared_store, [one, shop()], AT, lambda _: states)
    with shared_store.begin() as connection:
        found = connection.execute(
            "SELECT subject, value FROM monitoring.measurements WHERE target = 'copied'"
        ).fetchall()
    assert sorted(found) == [("a", 0.0), ("b", 1.0), ("c", 1.0)]
