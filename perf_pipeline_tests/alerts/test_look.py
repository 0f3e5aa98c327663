"""One look at a target: kept in one transaction, once, whoever looks; people's part; the sensor."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from perf_pipeline.alerts import book, defs, people
from perf_pipeline.alerts.look import end_undeclared, look, look_all
from perf_pipeline.alerts.model import Alerts
from perf_pipeline.cli import cli
from perf_pipeline.errors import ConfigurationError, InputError
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store
from perf_pipeline_tests.alerts.test_measure import (
    AT,
    TABLES,
    Ledger,
    active,
    finding,
    partitions,
)

pytestmark = pytest.mark.server


def target(name: str, **alerts: Any) -> Target:
    declared = Alerts.model_validate(alerts) if alerts else None
    return Target(name, "NO_URL", date(2026, 1, 1), owners=("team:data",), alerts=declared)


@pytest.fixture
def ledger(shared_store: Store) -> Ledger:
    with shared_store.begin() as connection:
        for table in TABLES:
            partitions.ensure(connection, date(2026, 3, 4), table=("ledger", table))
        partitions.ensure(connection, date(2026, 3, 4), table=("perf_mgmt", "findings"))
    made = Ledger(shared_store)
    made.sweep()
    return made


@pytest.fixture
def opened(ledger: Ledger) -> tuple[Ledger, str]:
    active(ledger, much=True)
    look(ledger.store, target(ledger.name), AT)
    (row,) = people.listed(ledger.store, ledger.name)
    return ledger, row["incident_id"]


def outbox(ledger: Ledger) -> list[tuple[Any, ...]]:
    with ledger.store.begin() as connection:
        return connection.execute(
            "SELECT o.kind, o.level, d.channel FROM monitoring.alert_outbox AS o"
            " LEFT JOIN monitoring.alert_deliveries AS d USING (message_id)"
            " WHERE o.target = %s ORDER BY o.message_id, d.channel",
            (ledger.name,),
        ).fetchall()


def test_a_breach_becomes_one_incident_and_one_message(ledger: Ledger) -> None:
    active(ledger, much=True)
    one = target(ledger.name, channels={"ops": {"url_env": "OPS"}, "sql": {"notify": "store"}})
    first = look(ledger.store, one, AT)
    assert first.evaluation is not None
    assert first.messages == 1
    again = look(ledger.store, one, AT + timedelta(minutes=1))
    assert again.messages == 0
    (row,) = people.listed(ledger.store, ledger.name)
    assert (row["level"], row["status"], row["cause"]) == ("critical", "open", "connections")
    assert row["title"] == "active_connections 90 sessions (limit 80)"
    assert outbox(ledger) == [("opened", "critical", "ops"), ("opened", "critical", "sql")]


def test_no_data_is_its_own_state(ledger: Ledger) -> None:
    look(ledger.store, target(ledger.name), AT)
    levels = {row["policy"]: row["level"] for row in people.states(ledger.store, ledger.name)}
    assert levels["cache_hit_ratio_percent"] == "no_data"
    assert levels["sweep_age_minutes"] == "ok"
    assert people.listed(ledger.store, ledger.name) == []


def test_what_is_known_survives_between_looks(opened: tuple[Ledger, str]) -> None:
    ledger, incident = opened
    with ledger.store.begin() as connection:
        states = book.states(connection, ledger.name)
        (known,) = book.incidents(connection, ledger.name, AT)
    assert states["active_connections", ""].level == "critical"
    assert known.incident_id == incident
    assert known.told.level == "critical"


def test_two_at_once_do_not_evaluate_the_same_target(ledger: Ledger) -> None:
    active(ledger, much=True)
    with ledger.store.begin() as connection:
        assert book.take(connection, ledger.name)
        busy = look(ledger.store, target(ledger.name), AT)
    assert busy.evaluation is None
    assert outbox(ledger) == []
    assert look(ledger.store, target(ledger.name), AT).messages == 1


def test_who_takes_an_incident_is_kept(opened: tuple[Ledger, str]) -> None:
    ledger, incident = opened
    people.acknowledge(ledger.store, incident, "ana", "looking")
    look(ledger.store, target(ledger.name), AT + timedelta(hours=9))
    # that nobody sweeps it any more is another incident
    row, _ = sorted(people.listed(ledger.store, ledger.name), key=lambda each: each["cause"])
    kept = [row[name] for name in ("status", "acknowledged_by", "note")]
    assert kept == ["acknowledged", "ana", "looking"]
    assert ("reminder", "critical", None) not in outbox(ledger)


def test_who_says_that_it_is_over_may_be_wrong(opened: tuple[Ledger, str]) -> None:
    ledger, incident = opened
    people.resolve(ledger.store, incident, "restarted")
    with pytest.raises(InputError, match="over already"):
        people.acknowledge(ledger.store, incident, "ana")
    look(ledger.store, target(ledger.name), AT + timedelta(minutes=5))
    (row,) = people.listed(ledger.store, ledger.name)
    assert row["incident_id"] != incident
    with pytest.raises(InputError, match="no incident"):
        people.resolve(ledger.store, "nothing")


def test_the_described_tables_are_there_to_read(opened: tuple[Ledger, str]) -> None:
    ledger, _ = opened
    with ledger.store.begin() as connection:
        alert = connection.execute(
            "SELECT alert_type, severity, metric_value, threshold_value, resolution_status"
            " FROM monitoring.performance_alerts WHERE target = %s",
            (ledger.name,),
        ).fetchone()
        limits = dict(
            connection.execute(
                "SELECT metric_name, (warning_threshold, critical_threshold,"
                " evaluation_window_minutes, alert_frequency_minutes, auto_response_enabled)::text"
                " FROM monitoring.performance_alert_thresholds WHERE target = %s",
                (ledger.name,),
            ).fetchall()
        )
        kinds = dict(
            connection.execute(
                "SELECT alert_name, alert_type FROM perf_mgmt.alert_configurations"
                " WHERE target = %s",
                (ledger.name,),
            ).fetchall()
        )
    assert alert == ("active_connections", "critical", 90.0, 80.0, "open")
    assert limits["cache_hit_ratio_percent"] == "(95,90,5,15,f)"
    assert limits["avg_query_duration_ms"] == "(2000,5000,5,15,f)"
    assert limits["active_connections"] == "(50,80,1,15,f)"
    assert limits["pending_cache_invalidations"] == "(500,1000,1,15,f)"
    assert limits["slow_queries_per_minute"] == "(10,25,5,15,f)"
    assert limits["database_size_gb"].startswith("(50,100,60,")
    assert limits["orphaned_relationships"].startswith("(100,500,60,")
    assert kinds["regressions"] == "REGRESSION"
    assert kinds["load_test_error_percent"] == "ERROR_RATE"


def test_what_did_not_change_is_not_written(opened: tuple[Ledger, str]) -> None:
    ledger, _ = opened

    def written() -> list[Any]:
        with ledger.store.begin() as connection:
            return [
                connection.execute(
                    f"SELECT xmin, * FROM monitoring.{table} WHERE target = %s ORDER BY 3, 4",
                    (ledger.name,),
                ).fetchall()  # type: ignore[call-overload]
                for table in ("alert_states", "incidents", "alert_policies", "alert_outbox")
            ]

    before = written()
    look(ledger.store, target(ledger.name), AT + timedelta(seconds=1))
    # how old the newest sweep is is new every time
    changed = [
        (a, b)
        for old, new in zip(before, written(), strict=True)
        for a, b in zip(old, new, strict=True)
        if a != b
    ]
    assert [new[2] for _, new in changed] == ["sweep_age_minutes"]


def test_whose_alerts_are_switched_off_ends_and_is_told(opened: tuple[Ledger, str]) -> None:
    ledger, incident = opened
    later = AT + timedelta(hours=1)
    off = target(ledger.name, enabled=False, channels={"ops": {"url_env": "OPS"}})
    (made,) = look_all(ledger.store, [off], later)
    assert made.evaluation is not None
    assert made.evaluation.resolved == {incident}
    assert [kind for kind, *_ in outbox(ledger)][-1] == "resolved"
    assert look_all(ledger.store, [off], later) == []


def test_what_is_declared_nowhere_ends_when_nobody_evaluated_it_for_a_day(
    opened: tuple[Ledger, str],
) -> None:
    ledger, _ = opened
    here = target(f"{ledger.name}_here")
    for hours, ended in ((0, False), (23, False), (25, True), (25, False)):
        at = AT + timedelta(hours=hours)
        look(ledger.store, here, at)
        # the store is shared with other tests, whose targets are declared nowhere, too
        assert (ledger.name in end_undeclared(ledger.store, [here], at)) is ended
    (row,) = people.listed(ledger.store, ledger.name, everything=True)
    assert row["title"].startswith("no longer watched: ")
    with ledger.store.begin() as connection:
        connection.execute(
            "DELETE FROM monitoring.alert_evaluations WHERE target = %s", (here.name,)
        )


def test_one_target_that_cannot_be_read_silences_no_other(opened: tuple[Ledger, str]) -> None:
    ledger, _ = opened
    with ledger.store.begin() as connection:
        connection.execute(
            'UPDATE monitoring.alert_states SET state = \'{"since": "?"}\' WHERE target = %s',
            (ledger.name,),
        )
    looks = look_all(ledger.store, [target(ledger.name), target(f"{ledger.name}_other")], AT)
    assert [each.evaluation is None for each in looks] == [True, False]
    assert "isoformat" in looks[0].error
    assert f"not evaluated: {ledger.name}" in str(defs.quiet(looks))


def test_a_target_can_be_left_alone(shared_store: Store) -> None:
    assert look_all(shared_store, [target("quiet", enabled=False)], AT) == []


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"policies": {"no_such_metric": {"warning": 1}}}, "no metric 'no_such_metric'"),
        ({"policies": {"database_size_gb": {"warning": 200}}}, "beyond critical"),
        ({"policies": {"mine": {"metric": "database_size_gb"}}}, "has no threshold"),
        ({"policies": {"database_size_gb": {"parameters": {"sql": "DROP"}}}}, "no parameter 'sql'"),
        ({"channels": {"ops": {}}}, "needs one of"),
        ({"channels": {"ops": {"url_env": "A", "timezone": "Mars/Base"}}}, "no time zone"),
        ({"policies": {"database_size_gb": {"response": "DROP TABLE victim"}}}, "response"),
        ({"polices": {}}, "polices"),
    ],
)
def test_a_wrong_block_is_refused(block: dict[str, Any], said: str) -> None:
    """An answer is a name of an allow-list; SQL in the place of one is refused (D-117)."""
    with pytest.raises((ConfigurationError, ValueError), match=said):
        Alerts.model_validate(block)


@pytest.fixture
def as_store(shared_store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("PERF_STORE_URL", shared_store.url)
    return shared_store


def test_the_sensor_evaluates_and_reports_changes_only(
    ledger: Ledger, as_store: Store, instance: dg.DagsterInstance
) -> None:
    with ledger.store.begin() as connection:
        partitions.ensure(connection, datetime.now(UTC).date(), table=("ledger", "sweeps"))
        partitions.ensure(connection, datetime.now(UTC).date(), table=("ledger", "resources"))
    at = datetime.now(UTC)
    ledger.sweep(at)
    ledger.put("ledger.resources", at, resource="connections", used=95, capacity=100)
    sensor = defs.alerts_sensor([target(ledger.name)], defs.delivery_job())
    ticks = []
    cursor = None
    # an evaluation from elsewhere does not take the change with it
    look(ledger.store, target(ledger.name), at)
    for _ in range(2):
        result = sensor(dg.build_sensor_context(instance=instance, cursor=cursor))
        cursor = result.cursor if isinstance(result, dg.SensorResult) else None
        assert isinstance(result, dg.SensorResult)
        ticks.append(result)
    (event,) = ticks[0].asset_events
    assert isinstance(event, dg.AssetCheckEvaluation)
    assert (event.passed, event.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert ticks[1].asset_events == []
    # an answer is asked for, and stays so until the job has looked at it
    assert [request.job_name for request in ticks[1].run_requests or ()] == ["alert_delivery"]
    assert "1 incidents open" in str(defs.quiet([look(ledger.store, target(ledger.name), at)]))
    done = dg.materialize([defs.incidents_asset(target(ledger.name))], instance=instance)
    (check,) = done.get_asset_check_evaluations()
    assert check.passed is False


def test_a_store_that_is_not_there_is_a_reason_to_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERF_STORE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    sensor = defs.alerts_sensor([target("any")], defs.delivery_job())
    result = sensor(dg.build_sensor_context())
    assert isinstance(result, dg.SensorResult)
    assert "remedy" in str(result.skip_reason)


def test_the_commands_show_and_take(opened: tuple[Ledger, str], as_store: Store) -> None:
    ledger, incident = opened
    run = CliRunner().invoke
    shown = run(cli, ["alerts", "list", "--target", ledger.name])
    assert shown.exit_code == 1
    assert "active_connections 90 sessions" in shown.output
    assert run(cli, ["alerts", "ack", incident, "--by", "ana"]).exit_code == 0
    policies = run(cli, ["alerts", "list", "--target", ledger.name, "--policies"])
    assert "no data" in policies.output
    assert run(cli, ["alerts", "resolve", incident]).exit_code == 0
    assert run(cli, ["alerts", "list", "--target", ledger.name]).exit_code == 0
    everything = run(cli, ["alerts", "list", "--target", ledger.name, "--all", "--json"])
    assert '"acknowledged_by": "ana"' in everything.output
    assert people.listed(as_store, ledger.name) == []


def test_ten_thousand_breaches_are_few_messages(ledger: Ledger) -> None:
    """Each of a cause of its own: told as six messages, kept as they are, over as few."""
    finding(ledger, much=False)
    with ledger.store.begin() as connection:
        connection.execute(
            "INSERT INTO perf_mgmt.findings SELECT (jsonb_populate_record(f, jsonb_build_object("
            "'finding_id', 'f' || n, 'incident_id', 'c' || n))).*"
            " FROM perf_mgmt.findings AS f, generate_series(2, 10000) AS n WHERE f.target_id = %s",
            (ledger.target_id,),
        )
    one = target(ledger.name, channels={"ops": {"url_env": "OPS"}})
    kinds = []
    spent = time.process_time()
    for minutes in (0, 14):
        look(ledger.store, one, AT + timedelta(minutes=minutes))
        kinds.append([kind for kind, *_ in outbox(ledger)])
    # a bound for a hang: together they take two seconds of this process; copying each took twenty
    assert time.process_time() - spent < 60
    assert sorted(kinds[0]) == [*["opened"] * 5, "storm"]
    assert kinds[0] == kinds[1]
    with ledger.store.begin() as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM monitoring.incidents WHERE target = %s AND status = 'open'",
            (ledger.name,),
        ).fetchone() or (0,)
        assert count == 10_000
        connection.execute(
            "DELETE FROM perf_mgmt.findings WHERE target_id = %s", (ledger.target_id,)
        )
    look(ledger.store, one, AT + timedelta(minutes=30))
    assert len(outbox(ledger)) <= 12
    assert [row["cause"] for row in people.listed(ledger.store, ledger.name)] == ["unwatched"]
