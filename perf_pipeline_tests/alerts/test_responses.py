"""Answers on a leash: names of an allow-list, looked at first, only told of unless live (D-117)."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import dagster as dg
import psycopg
import pytest

from perf_pipeline import settings
from perf_pipeline.alerts import actions, book, defs, people
from perf_pipeline.alerts.look import look
from perf_pipeline.alerts.model import Action, Alerts
from perf_pipeline.alerts.responses import ACTIONS, JOBS, MOST_A_DAY, PATIENCE, PAUSE, ask, verdict
from perf_pipeline.alerts.state import State
from perf_pipeline.components import dry_runs
from perf_pipeline.components.target import PostgresTarget
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store
from perf_pipeline.upkeep.look import planned
from perf_pipeline.upkeep.model import Analyze, Policy
from perf_pipeline_tests.alerts.support import FIVE, START, Story, policy, value
from perf_pipeline_tests.alerts.test_measure import AT, Ledger, active, partitions

pytestmark = pytest.mark.server


def asked(story: Story, made: Any, recent: Any = ()) -> list[str]:
    by_name = {each.name: each for each in story.policies}
    return [each.action for each in ask(by_name, made, recent, made.at)]


def test_every_action_is_known() -> None:
    assert set(get_args(Action)) == set(ACTIONS)
    assert set(ACTIONS) >= JOBS


def test_an_answer_is_asked_for_from_its_level_on() -> None:
    story = Story([policy(response="pool_health", response_at="critical")])
    assert asked(story, story.at(START, [value(60.0)])) == []
    later = START + FIVE
    assert asked(story, story.at(later, [value(90.0, later)])) == ["pool_health"]


def test_it_is_not_asked_for_again_and_again() -> None:
    story = Story([policy(response="pool_health")])
    made = story.at(START, [value(90.0)])

    def since(**ago: float) -> list[dict[str, Any]]:
        return [{"action": "pool_health", "asked_at": START - timedelta(**ago)}]

    just = PAUSE - timedelta(seconds=1)
    assert asked(story, made, since(seconds=just.total_seconds())) == []
    assert asked(story, made, since(seconds=PAUSE.total_seconds())) == ["pool_health"]
    assert asked(story, made, MOST_A_DAY * since(hours=3)) == []
    # asked for by a clock that was a day ahead
    assert asked(story, made, since(days=-1)) == ["pool_health"]
    assert asked(story, made, [{**since(minutes=1)[0], "action": "analyze"}]) == ["pool_health"]


def test_who_took_it_decides_and_nothing_is_done_blindly() -> None:
    story = Story([policy(response="pool_health")])
    made = story.at(START, [value(90.0)])
    taken = replace(made, incidents=[replace(i, status="acknowledged") for i in made.incidents])
    assert asked(story, taken) == []
    flapping = replace(made, incidents=[replace(i, flapping=True) for i in made.incidents])
    assert asked(story, flapping) == []
    # nobody can tell any more whether it is still so
    assert asked(story, story.at(START + FIVE, [])) == []


def test_whether_it_helped_is_told_by_newer_evidence() -> None:
    one = policy()
    row = {"ended_at": START, "value_before": 90.0}
    soon, late = START + FIVE, START + PATIENCE + FIVE

    def after(number: float, at: datetime, held: Any) -> State:
        return State(level=held, held=held, value=number, as_of=at)

    assert verdict(row, one, after(90.0, START, "critical"), late) is None
    assert verdict(row, one, None, late) is None
    assert verdict(row, one, after(10.0, soon, "ok"), soon) == ("helped", 10.0)
    assert verdict(row, one, after(60.0, soon, "warning"), soon) == ("helped", 60.0)
    assert verdict(row, one, after(89.0, soon, "critical"), soon) is None
    assert verdict(row, one, after(89.0, soon, "critical"), late) == ("did_not_help", 89.0)


@pytest.fixture
def ledger(shared_store: Store) -> Ledger:
    with shared_store.begin() as connection:
        for table in ("sweeps", "activity", "resources"):
            partitions.ensure(connection, date(2026, 3, 4), table=("ledger", table))
        partitions.ensure(connection, date(2026, 3, 4), table=("perf_mgmt", "findings"))
    made = Ledger(shared_store)
    made.sweep()
    active(made, much=True)
    return made


@pytest.fixture(scope="module")
def database(server: Any, databases: Any) -> Iterator[str]:
    databases.make(server, "answered", None)
    yield server.url("answered")
    databases.drop(server, "answered")


@pytest.fixture
def answering(ledger: Ledger, database: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function: a target whose sessions policy has an answer, in a mode."""
    monkeypatch.setenv("ANSWERED_URL", database)

    def make(response: str, mode: str) -> Target:
        fields = {"response": response, "response_mode": mode}
        declared = Alerts.model_validate({"policies": {"active_connections": fields}})
        one = Target(ledger.name, "ANSWERED_URL", date(2026, 1, 1), alerts=declared)
        look(ledger.store, one, AT)
        return one

    return make


def rows(ledger: Ledger) -> list[dict[str, Any]]:
    with ledger.store.begin() as connection:
        return book.responses(connection, ledger.name, AT - timedelta(days=1))


def act(ledger: Ledger, one: Target, jobs: Any = None) -> list[Any]:
    return actions.act(ledger.store, [one], jobs or {}, lambda: AT)


def test_in_shadow_mode_it_is_only_told(ledger: Ledger, answering: Any) -> None:
    one = answering("pool_health", "shadow")
    assert [row["state"] for row in rows(ledger)] == ["asked"]
    (done,) = act(ledger, one)
    assert done["state"] == "would_act"
    assert done["told"].startswith("would note 0 sessions of")
    assert act(ledger, one) == []
    look(ledger.store, one, AT + timedelta(minutes=1))
    assert [row["state"] for row in rows(ledger)] == ["would_act"]
    with ledger.store.begin() as connection:
        log = connection.execute(
            "SELECT count(*) FROM maintenance.maintenance_log WHERE target = %s", (ledger.name,)
        ).fetchone()
    assert log == (0,)


def test_live_it_is_done_noted_and_judged(ledger: Ledger, answering: Any) -> None:
    one = answering("pool_health", "live")
    (done,) = act(ledger, one)
    assert done["state"] == "done"
    with ledger.store.begin() as connection:
        log = connection.execute(
            "SELECT operation, outcome FROM maintenance.maintenance_log WHERE target = %s",
            (ledger.name,),
        ).fetchall()
    assert log == [("alert.pool_health", "done")]
    # the next sweep finds it well
    ledger.sweep(AT + FIVE)
    ledger.clients("active", 3, AT + FIVE)
    ledger.sweep(AT + 2 * FIVE)
    ledger.clients("active", 3, AT + 2 * FIVE)
    look(ledger.store, one, AT + FIVE)
    look(ledger.store, one, AT + 2 * FIVE)
    assert [(row["state"], row["value_after"]) for row in rows(ledger)] == [("helped", 3.0)]


def test_what_is_no_longer_wanted_is_not_done(ledger: Ledger, answering: Any) -> None:
    """Between asking and acting: hours, a recovery, somebody who took it, an edited policy."""
    one = answering("pool_health", "live")
    shadow = answering("pool_health", "shadow")
    (incident,) = (each["incident_id"] for each in people.listed(ledger.store, ledger.name))

    def acted(target: Target, now: datetime = AT, state: str = "asked") -> tuple[str, str]:
        with ledger.store.begin() as connection:
            connection.execute(
                "UPDATE monitoring.alert_responses SET state = %s, ended_at = NULL, looked_at = %s"
                " WHERE target = %s",
                (state, AT, ledger.name),
            )
        actions.act(ledger.store, [target], {}, lambda: now)
        (row,) = rows(ledger)
        return row["state"], row["told"]

    assert acted(one, AT + timedelta(hours=1)) == ("refused", "it was asked for 60 min ago")
    assert acted(shadow)[0] == "would_act"
    off = Alerts.model_validate({"policies": {"active_connections": {"enabled": False}}})
    assert acted(replace(one, alerts=off))[1] == "its policy no longer asks for it"
    assert acted(one, state="acting")[0] == "acting"
    died = acted(one, AT + timedelta(minutes=11), "acting")
    assert (died[0], "process died" in died[1]) == ("failed", True)
    people.acknowledge(ledger.store, incident, "ana")
    assert acted(one) == ("refused", "somebody has taken its incident")
    people.resolve(ledger.store, incident)
    assert acted(one) == ("refused", "its incident is over")


def test_a_target_that_is_gone_is_refused_not_acted_on(
    ledger: Ledger, answering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = answering("pool_health", "live")
    monkeypatch.setenv("ANSWERED_URL", "postgresql://nobody@127.0.0.1:1/x")
    (done,) = act(ledger, one)
    assert done["state"] == "refused"


def test_without_a_job_nothing_is_started(ledger: Ledger, answering: Any) -> None:
    one = answering("drain_queue", "live")
    (done,) = act(ledger, one)
    assert (done["state"], "no job of" in done["told"]) == ("refused", True)


def test_what_a_job_would_do_is_planned_as_its_run_plans_it(
    ledger: Ledger, answering: Any, database: str
) -> None:
    """In shadow the record names the steps; a job that would do nothing is not started."""
    component = PostgresTarget(
        name=ledger.name,
        url_env="ANSWERED_URL",
        history_start=date(2026, 1, 1),
        upkeep=Policy(analyze=Analyze(minimum_changes=10)),
    )
    dry = {ledger.name: dry_runs.of(component)}
    jobs = {ledger.name: {"analyze": "answered_analyze"}}

    def acted(mode: str) -> dict[str, Any]:
        with ledger.store.begin() as connection:
            connection.execute(
                "DELETE FROM monitoring.alert_responses WHERE target = %s", (ledger.name,)
            )
        one = answering("analyze", mode)
        (done,) = actions.act(ledger.store, [one], jobs, lambda: AT, dry)
        return dict(done)

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE stale AS SELECT generate_series(1, 1000) AS n")
    shadow = acted("shadow")
    assert shadow["state"] == "would_act"
    assert "start job answered_analyze" in shadow["told"]
    assert "now: table.analyze public.stale: " in shadow["told"]
    # what it says is what the run does
    plan = planned(
        component.target(), Policy(analyze=Analyze(minimum_changes=10)), None, ["analyze"]
    )
    assert [step.object_name for step in plan.todo] == ["public.stale"]
    assert acted("live")["state"] == "approved"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ANALYZE stale")
    nothing = acted("live")
    assert (nothing["state"], "nothing to do now" in nothing["told"]) == ("refused", True)


def test_an_action_we_do_not_know_is_refused(ledger: Ledger, answering: Any) -> None:
    """Whatever stands in the table: only names of the list do something (D-117)."""
    one = answering("pool_health", "live")
    with ledger.store.begin() as connection:
        connection.execute(
            "UPDATE monitoring.alert_responses SET action = 'DROP TABLE victim' WHERE target = %s",
            (ledger.name,),
        )
    (done,) = act(ledger, one)
    assert done["state"] == "refused"
    assert "no action we know" in done["told"]


def test_one_statement_is_cancelled_and_it_ended(
    ledger: Ledger, answering: Any, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "CANCEL_AFTER_S", 0.0)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS slow_one")
        connection.execute("CREATE ROLE slow_one")
        connection.execute("SET ROLE slow_one")
    one = answering("cancel_backend", "live")
    # superusers are left alone: there is nobody to cancel
    (done,) = act(ledger, one)
    assert done["state"] == "refused"
    ended: list[str] = []
    running = threading.Event()

    def slow() -> None:
        url = psycopg.conninfo.make_conninfo(database, user="slow_one", password="slow")
        with psycopg.connect(url, autocommit=True) as session:
            running.set()
            try:
                session.execute("SELECT pg_sleep(60)")
            except psycopg.errors.QueryCanceled:
                ended.append("cancelled")

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER ROLE slow_one LOGIN PASSWORD 'slow'")
        thread = threading.Thread(target=slow)
        thread.start()
        assert running.wait(20)
        deadline = datetime.now(UTC) + timedelta(seconds=20)
        while actions.look(one, "cancel_backend", {}).refused:
            assert datetime.now(UTC) < deadline
        seen = actions.look(one, "cancel_backend", {})
        assert "cancel statement" in seen.would
        assert "pg_sleep" not in seen.would
        with ledger.store.begin() as kept:
            kept.execute(
                "UPDATE monitoring.alert_responses SET state = 'asked' WHERE target = %s",
                (ledger.name,),
            )
        (done,) = act(ledger, one)
        thread.join(20)
        connection.execute("DROP ROLE slow_one")
    assert done["state"] == "done", done
    assert ended == ["cancelled"]


def test_what_a_job_does_is_started_once_by_the_sensor(
    ledger: Ledger, answering: Any, instance: dg.DagsterInstance
) -> None:
    @dg.op
    def nothing() -> None:
        return None

    @dg.job(name="cache_invalidation")
    def drain() -> None:
        nothing()

    one = answering("drain_queue", "live")
    by_target = {ledger.name: {"drain_queue": "cache_invalidation"}}
    (done,) = act(ledger, one, by_target)
    assert done["state"] == "approved"
    answers = defs.Answers([], by_target)

    def tick() -> list[dg.RunRequest]:
        return defs.started(ledger.store, instance, [ledger.name], answers, AT)

    first, second = tick(), tick()
    assert [request.job_name for request in first] == ["cache_invalidation"]
    # until the run is there it is asked for again: Dagster begins it once by its key
    assert first[0].run_key == second[0].run_key
    drain.execute_in_process(instance=instance, tags=first[0].tags)
    assert tick() == []
    (row,) = rows(ledger)
    assert (row["state"], row["run_id"] is not None) == ("done", True)
    # the sensor stood still before it could start another
    with ledger.store.begin() as connection:
        connection.execute(
            "UPDATE monitoring.alert_responses SET state = 'approved', asked_at = %s"
            " WHERE target = %s",
            (AT - timedelta(hours=1), ledger.name),
        )
    with dg.DagsterInstance.ephemeral() as other:
        assert defs.started(ledger.store, other, [ledger.name], answers, AT) == []
    assert rows(ledger)[0]["state"] == "refused"
    assert settings.current() is not None


def test_reading_does_nothing(ledger: Ledger, answering: Any) -> None:
    """In the source, reading the dashboard carried out the answer (D-119)."""
    answering("pool_health", "live")
    with ledger.store.begin() as connection:
        connection.execute("SET TRANSACTION READ ONLY")
        for view in (
            *("performance_alerts", "performance_alert_thresholds", "incidents"),
            *("alert_responses", "alert_states"),
        ):
            connection.execute(f"SELECT * FROM monitoring.{view}")  # type: ignore[call-overload]
    assert [row["state"] for row in rows(ledger)] == ["asked"]
