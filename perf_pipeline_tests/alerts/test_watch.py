"""Who watches the watcher, and what a policy would have told."""

from datetime import date, timedelta

import pytest
from click.testing import CliRunner

from perf_pipeline import settings
from perf_pipeline.alerts import watch
from perf_pipeline.alerts.deliver import deliver
from perf_pipeline.alerts.look import look
from perf_pipeline.alerts.model import Alerts
from perf_pipeline.alerts.simulate import STEP, simulate
from perf_pipeline.cli import cli
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.store import Store, partitions
from perf_pipeline_tests.alerts.endpoint import endpoint
from perf_pipeline_tests.alerts.test_deliver import shop
from perf_pipeline_tests.alerts.test_look import target
from perf_pipeline_tests.alerts.test_measure import AT, TABLES, Ledger

pytestmark = pytest.mark.server


def test_evaluation_that_is_old_or_never_was_is_nobody_watching() -> None:
    row = {"policies": 3, "without_data": 1, "open_incidents": 0}
    evaluations = {
        "fresh": {**row, "evaluated_at": AT - timedelta(minutes=5)},
        "old": {**row, "evaluated_at": AT - timedelta(minutes=5, seconds=1)},
        "ahead": {**row, "evaluated_at": AT + timedelta(hours=1)},
    }
    names = ["fresh", "old", "ahead", "new"]
    found = {each.target: each for each in watch.judge(names, evaluations, AT)}
    # a clock that was set back by an hour is no hour of watching
    assert [name for name, each in found.items() if not each.is_watched] == ["old", "ahead", "new"]
    assert found["new"].minutes is None
    assert min(each.minutes or 0 for each in found.values()) >= 0


def test_a_silence_is_told_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    one = shop()
    look(store, one, AT)
    assert watch.tell(store, [one], AT + timedelta(minutes=5)) == 0
    with endpoint() as hook:
        monkeypatch.setenv("OPS_HOOK", f"json://127.0.0.1:{hook.port}?cto=60&rto=60")
        for minutes in (6, 20, 60):
            later = AT + timedelta(minutes=minutes)
            watch.tell(store, [one], later)
            deliver(store, [one], lambda later=later: later)  # type: ignore[misc]
        assert [each["title"] for each in hook.taken] == [
            "[shop] nobody is watching: alerts were last evaluated 6 min ago"
        ]
    # it is evaluated again, and falls silent again
    look(store, one, AT + timedelta(hours=2))
    assert watch.tell(store, [one], AT + timedelta(hours=3)) == 1
    # the clock is set back by five hours: as long as always to look again, then it is told
    look(store, one, AT + timedelta(hours=9))
    back = AT + timedelta(hours=4)
    assert [watch.tell(store, [one], back + n * timedelta(minutes=4)) for n in (0, 1, 2)] == [
        *(0, 0, 1)
    ]


def test_the_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    def at(url: str) -> None:
        monkeypatch.setenv("PERF_HEARTBEAT_URL", url)
        settings.current.cache_clear()

    assert watch.beat() == ""
    with endpoint() as hook:
        at(f"http://127.0.0.1:{hook.port}/token-123456")
        assert watch.beat() == ""
        assert hook.asked == 1
        hook.status = 500
        assert watch.beat() == "the heartbeat was not taken: HTTPError 500"
    assert "token" not in watch.beat()
    assert watch.beat().startswith("the heartbeat was not taken: URLError")
    at("file:///etc/passwd")
    with pytest.raises(ConfigurationError, match="no web address"):
        watch.beat()


def test_the_status_from_outside(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    settings.current.cache_clear()
    done = CliRunner().invoke(cli, ["alerts", "status", "--tell"])
    assert done.exit_code == 1
    assert "UNWATCHED  thorbis: never evaluated" in done.output
    assert CliRunner().invoke(cli, ["alerts", "evaluate"]).exit_code == 0
    done = CliRunner().invoke(cli, ["alerts", "status", "--json"])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(cli, ["alerts", "deliver"]).exit_code == 0


@pytest.fixture(scope="module")
def history(shared_store: Store) -> Ledger:
    """A day: once an hour of trouble, once an hour of to and fro, an hour without a sweep."""
    for day in (3, 4):
        with shared_store.begin() as connection:
            for table in TABLES:
                partitions.ensure(connection, date(2026, 3, day), table=("ledger", table))
            partitions.ensure(connection, date(2026, 3, day), table=("perf_mgmt", "findings"))
    made = Ledger(shared_store)
    for place in range(288):
        at = AT - place * STEP
        if 60 <= place < 72:
            continue
        busy = 100 <= place < 112 or (200 <= place < 224 and place % 2)
        made.sweep(at)
        made.clients("active", 90 if busy else 5, at)
    return made


def test_a_simulation_says_what_would_have_been_told(history: Ledger) -> None:
    policies = [
        each
        for each in Alerts().active()
        if each.name in ("active_connections", "sweep_age_minutes", "cache_hit_ratio_percent")
    ]
    made = simulate(history.store, history.name, policies, AT - timedelta(days=1), AT + STEP)
    rows = {row.policy: row for row in made.rows}
    busy = rows["active_connections"]
    assert busy.looks == 288 + 1
    assert busy.incidents == 2
    kinds = [message.kind for message in made.messages if "active" in message.title]
    assert kinds == ["opened", "resolved", "opened", "resolved"]
    assert busy.messages_per_day == pytest.approx(4 / made.days)
    assert rows["sweep_age_minutes"].incidents == 1
    assert rows["cache_hit_ratio_percent"].no_data_percent == 100
    # nothing of it is kept
    with history.store.begin() as connection:
        assert connection.execute("SELECT count(*) FROM monitoring.incidents").fetchone() == (0,)


def test_live_and_simulated_are_the_same(history: Ledger) -> None:
    """The sensor's looks over the hour of trouble raise what the simulation said."""
    start = AT - 114 * STEP
    policies = Alerts().active()
    made = simulate(history.store, history.name, policies, start, start + 20 * STEP)
    one = target(history.name)
    told = 0
    for place in range(20):
        told += look(history.store, one, start + place * STEP).messages
    assert told == len(made.messages) == 2
    with history.store.begin() as connection:
        connection.execute("TRUNCATE monitoring.incidents, monitoring.alert_states")
