"""Everything exported from a real sweep: the numbers, the formats, and who receives them."""

import http.server
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from prometheus_client.parser import text_string_to_metric_families

from perf_pipeline.errors import ConfigurationError, UnreachableError
from perf_pipeline.exports import grafana, otlp, prometheus
from perf_pipeline.exports.ceiling import Ceiling
from perf_pipeline.exports.document import document
from perf_pipeline.exports.gather import Exporter, metrics_of
from perf_pipeline.exports.model import Metric
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.store import Store, measurements
from perf_pipeline_tests.exports.conftest import ODD, STATEMENTS, Swept

pytestmark = pytest.mark.server


def values(metrics: tuple[Metric, ...], name: str) -> dict[tuple[str, ...], float]:
    (metric,) = (each for each in metrics if each.name == name)
    return {
        tuple(v for k, v in point.labels.items() if k != "target"): point.value
        for point in metric.points
    }


def test_sums_are_the_ledgers_whatever_the_ceiling(swept: Swept) -> None:
    narrow = Exporter(swept.store, Ceiling(2, 3), ["exported"]).gather()
    wide = Exporter(swept.store, Ceiling(500, 500), ["exported"]).gather()
    with swept.store.begin() as connection:
        (calls, seconds, statements), *_ = connection.execute(
            "SELECT sum(calls), sum(total_exec_time) / 1000, count(DISTINCT queryid)"
            " FROM ledger.statements JOIN ledger.targets USING (target_id) WHERE name = 'exported'"
        ).fetchall()
    for found, named in ((narrow, 2), (wide, None)):
        counted = values(found, "perf_statement_calls")
        assert sum(counted.values()) == calls
        assert sum(values(found, "perf_statement_exec_seconds").values()) == pytest.approx(seconds)
        assert ("other", "other", "other") in counted
        assert named is None or len(counted) == named + 1  # and `other`
    assert len(values(wide, "perf_statement_calls")) > statements >= STATEMENTS
    assert values(wide, "perf_table_n_tup_ins")[("public", "items")] == 1000


def test_levels_and_counts_of_the_database(swept: Swept) -> None:
    now = datetime.now(UTC)
    found = Exporter(swept.store, targets=["exported"]).gather(now)
    (inserted,) = values(found, "perf_database_tup_inserted").values()
    assert inserted >= 1000
    (stamp,) = values(found, "perf_sweep_timestamp_seconds").values()
    assert 0 <= now.timestamp() - stamp < 3600
    assert values(found, "perf_reached_sweeps") == {(): 2.0}
    assert values(found, "perf_findings_open") == {("critical",): 0, ("warning",): 0, ("info",): 0}
    assert ("connections",) in values(found, "perf_resource_capacity")
    assert {kind for kind, _ in values(found, "perf_activity_sessions")} >= {"client backend"}


def test_incidents_and_what_waits_to_be_told(swept: Swept) -> None:
    """Counts by severity (G-99), also where there are none; other targets' are theirs."""
    now = datetime.now(UTC)
    with swept.store.begin() as connection:
        connection.execute(
            "INSERT INTO monitoring.incidents"
            " (incident_id, target, cause, status, level, title, opened_at, changed_at,"
            " resolved_at)"
            " SELECT 'x' || n, t, 'c' || n, s, l, '', %(at)s, %(at)s, CASE WHEN s = 'resolved'"
            " THEN %(at)s END::timestamptz FROM (VALUES (1, 'exported', 'open', 'critical'),"
            " (2, 'exported', 'acknowledged', 'warning'), (3, 'exported', 'resolved', 'critical'),"
            " (4, 'another', 'open', 'critical')) AS v (n, t, s, l)",
            {"at": now - timedelta(minutes=7)},
        )
        connection.execute(
            "WITH o AS (INSERT INTO monitoring.alert_outbox (message_key, target, kind, level,"
            " title, body, created_at) VALUES ('e:1', 'exported', 'opened', 'critical', '', '', %s)"
            " RETURNING message_id, created_at) INSERT INTO monitoring.alert_deliveries"
            " (message_id, channel, due_at, attempts, last_error)"
            " SELECT message_id, 'ops', created_at, 3, 'no'"
            " FROM o",
            (now - timedelta(minutes=5),),
        )
    try:
        found = Exporter(swept.store, targets=["exported"]).gather(now)
        assert values(found, "perf_incidents_open") == {("critical",): 1, ("warning",): 1}
        assert values(found, "perf_incidents_acknowledged") == {("critical",): 0, ("warning",): 1}
        assert (
            values(found, "perf_outbox_waiting") == values(found, "perf_outbox_refused") == {(): 1}
        )
        assert values(found, "perf_outbox_overdue_seconds")[()] == pytest.approx(300)
        made = document("exported", found, now)
        assert (made["health"], made["incidents"]) == (
            "CRITICAL",
            [
                {"severity": "critical", "open": 1, "untaken": 1},
                {"severity": "warning", "open": 1, "untaken": 0},
            ],
        )
        params = {"target": "exported", "start": now - timedelta(hours=1), "finish": now}
        with swept.store.begin() as connection:
            panel = sqlfiles.load("exports/grafana/alerts/20_incidents_by_severity").text
            rows = connection.execute(panel, params).fetchall()
        assert {level: count for _, level, count in rows} == {"critical": 1, "warning": 1}
        assert rows[0][2] == 0
    finally:
        with swept.store.begin() as connection:
            connection.execute("TRUNCATE monitoring.incidents, monitoring.alert_outbox CASCADE")


def test_what_was_done_for_cached_values(swept: Swept) -> None:
    now = datetime.now(UTC)
    found = Exporter(swept.store, targets=["exported"]).gather(now)

    def of(name: str) -> dict[tuple[str, ...], float]:
        return values(found, f"perf_invalidation_{name}")

    kept = ("dashboard",)
    counts = {name: of(name)[kept] for name in ("changes", "refreshes", "refreshes_avoided")}
    assert counts == {"changes": 9, "refreshes": 3, "refreshes_avoided": 6}
    assert (of("failures"), of("process_seconds")) == ({kept: 1.0}, {kept: 0.25})
    assert of("staleness_p99_seconds") == {kept: 2.0}
    assert (of("queue_waiting"), of("queue_dead")) == ({(): 4.0}, {(): 1.0})
    assert of("queue_oldest_seconds") == {(): 1.5}
    measurements.note(swept.store, "exported", "pending_cache_invalidations", {"": 7}, now)
    later = Exporter(swept.store, targets=["exported"]).gather(now + timedelta(seconds=1))
    assert values(later, "perf_invalidation_queue_waiting") == {(): 7.0}
    named = {
        label
        for each in found
        if each.name.startswith("perf_invalidation")
        for point in each.points
        for label in point.labels
    }
    assert named == {"target", "cache_type"}  # never an entity: it may be a person's


def test_a_new_day_begins_at_zero_and_an_old_sweep_is_not_the_last(swept: Swept) -> None:
    exporter = Exporter(swept.store, targets=["exported"])
    before = values(exporter.gather(), "perf_statement_calls")
    assert sum(before.values()) > 0
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    after = exporter.gather(tomorrow)
    assert values(after, "perf_statement_calls") == {("other", "other", "other"): 0.0}
    assert not [each for each in after if each.name == "perf_sweep_timestamp_seconds"]
    assert document("exported", after, tomorrow)["health"] == "NO_DATA"


def test_a_look_soon_after_costs_nothing(swept: Swept) -> None:
    exporter = Exporter(swept.store, targets=["exported"])
    now = datetime.now(UTC)
    first = exporter.gather(now)
    assert exporter.gather(now + timedelta(seconds=1)) is first
    assert exporter.gather(now + timedelta(seconds=6)) is not first


def test_a_target_nobody_knows_is_named(swept: Swept) -> None:
    with pytest.raises(ConfigurationError, match="knows no nobody"):
        Exporter(swept.store, targets=["nobody"]).gather()


def test_prometheus_reads_what_is_served(swept: Swept) -> None:
    with (
        prometheus.Endpoint(Exporter(swept.store), port=0) as endpoint,
        urllib.request.urlopen(endpoint.url) as answer,  # noqa: S310
    ):
        text = answer.read().decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["perf_store_up"].samples[0].value == 1
    calls = families["perf_statement_calls"]
    assert calls.type == "counter"
    assert {sample.name for sample in calls.samples} <= {
        "perf_statement_calls_total",
        "perf_statement_calls_created",
    }
    counted = families["perf_table_n_tup_ins"].samples
    rows = {s.labels["table"]: s.value for s in counted if s.name.endswith("_total")}
    assert (rows["items"], rows[ODD]) == (1000, 2)
    # nothing a row holds: names of relations, numbers of statements, kinds
    labels = {label for f in families.values() for s in f.samples for label in s.labels}
    assert labels <= {
        "target", "dbid", "queryid", "toplevel", "schema", "table", "backend_type", "state",
        "resource", "severity", "operation", "outcome", "test_type", "cache_type", "le", "quantile",
    }  # fmt: skip
    with prometheus.Endpoint(Exporter(swept.store), port=0) as endpoint:
        port = int(endpoint.url.split(":")[2].split("/")[0])
        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"):
            prometheus.Endpoint(Exporter(swept.store), port=port)


def test_a_store_that_is_away_is_told_of() -> None:
    with Store("postgresql://nobody@127.0.0.1:1/none") as away:
        text = prometheus.text(Exporter(away))
    assert "perf_store_up 0.0" in text
    assert "perf_statement" not in text


@contextmanager
def collector(status: int) -> Iterator[tuple[str, list[bytes]]]:
    """Serve as a collector of OpenTelemetry; yield its URL and what it was sent."""
    sent: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append(body)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/metrics", sent
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_opentelemetry_receives_the_same(swept: Swept) -> None:
    exporter = Exporter(swept.store, targets=["exported"])
    with collector(200) as (url, sent):
        began = [otlp.push(exporter, url) for _ in range(2)]
    points = began[0]
    requests = [ExportMetricsServiceRequest.FromString(body) for body in sent]
    starts = {
        point.start_time_unix_nano
        for request in requests
        for each in request.resource_metrics[0].scope_metrics[0].metrics
        for point in each.sum.data_points
    }
    # a cumulative sum that begins elsewhere each time is a new sum each time, to be added up
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert starts == {int(midnight.timestamp()) * 10**9}
    (scope,) = requests[1].resource_metrics[0].scope_metrics
    received = {each.name: each for each in scope.metrics}
    tables = received["perf_table_n_tup_ins"].sum.data_points
    named = {a.value.string_value for point in tables for a in point.attributes}
    assert ODD in named
    calls = received["perf_statement_calls"].sum
    assert calls.is_monotonic
    ours = values(exporter.gather(), "perf_statement_calls")
    assert sum(point.as_double for point in calls.data_points) == sum(ours.values())
    assert points == sum(
        len(each.sum.data_points) + len(each.gauge.data_points) for each in scope.metrics
    )


def test_a_collector_that_refuses_is_named(swept: Swept) -> None:
    with collector(400) as (url, _), pytest.raises(UnreachableError, match="did not take"):
        otlp.push(Exporter(swept.store, targets=["exported"]), url)


def test_a_document_for_a_monitor_of_applications(swept: Swept) -> None:
    now = datetime.now(UTC)
    made = document("exported", Exporter(swept.store).gather(now), now)
    assert (made["service"], made["health"], made["alerts"]) == ("exported-database", "OK", [])
    assert made["metrics"]["perf_database_tup_inserted"] >= 1000
    assert made["metrics"]["perf_resource_capacity"]["connections"] > 0
    assert not [name for name in made["metrics"] if name.startswith("perf_statement_")]
    assert json.loads(json.dumps(made)) == made


def test_an_open_finding_is_an_alert() -> None:
    def metric(severity: str, value: float, target: str = "a") -> Metric:
        rows = [{"target": target, "severity": severity, "open": value}]
        (made,) = metrics_of(sqlfiles.load("exports/metrics/findings"), rows, datetime.now(UTC))
        return made

    rows = [{"target": "a", "timestamp_seconds": 1.0}]
    swept = metrics_of(sqlfiles.load("exports/metrics/sweep"), rows, datetime.now(UTC))
    now = datetime.now(UTC)
    for found, health, alerts in (
        ([metric("critical", 2), metric("warning", 1)], "CRITICAL", ["critical", "warning"]),
        ([metric("critical", 0), metric("warning", 1)], "WARNING", ["warning"]),
        ([metric("critical", 3, "another")], "OK", []),
    ):
        made = document("a", [*swept, *found], now)
        assert (made["health"], [each["severity"] for each in made["alerts"]]) == (health, alerts)


def test_a_file_of_metrics_says_of_what_kind_it_is(tmp_path: Path) -> None:
    path = tmp_path / "some.sql"
    path.write_text("-- purpose: x\n-- minimum version: 14\nSELECT 1")
    with pytest.raises(ConfigurationError, match="kind"):
        metrics_of(sqlfiles.parse(path), [], datetime.now(UTC))


def test_every_panel_draws_what_its_kind_needs(swept: Swept) -> None:
    now = datetime.now(UTC)
    params = {"target": "exported", "start": now - timedelta(days=1), "finish": now}
    files = sqlfiles.folder("exports/grafana")
    drawn = set()
    with swept.store.begin() as connection:
        for file in files:
            cursor = connection.execute(file.text, params)
            names = [column.name for column in cursor.description or ()]
            if file.header["panel"] == "timeseries":
                assert names[0] == "time", file.path
                assert "value" in names or "metric" not in names, file.path
            if cursor.fetchall():
                drawn.add(file.path.name)
    assert drawn >= {"10_active_sessions.sql", "40_size.sql", "50_sessions.sql"}
    cached = {file.path.name for file in files if file.path.parent.name == "invalidation"}
    assert len(cached) == 6
    assert drawn >= cached


def test_dashboards_are_whole_and_hold_no_parameter_of_ours(tmp_path: Path) -> None:
    written = grafana.write(tmp_path / "provisioning")
    assert grafana.write(tmp_path / "provisioning") == written  # again: over itself
    panels = 0
    for path in written:
        text = path.read_text()
        assert "%(" not in text
        if path.suffix == ".json":
            dashboard = json.loads(text)
            panels += len(dashboard["panels"])
            places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard["panels"]]
            assert len(set(places)) == len(places)
    assert panels == len(sqlfiles.folder("exports/grafana"))
    assert {path.name for path in written} >= {"database.json", "perf-pipeline.yaml"}


def test_the_role_of_grafana_reads_and_does_nothing_else(swept: Swept) -> None:
    with psycopg.connect(swept.store.url, autocommit=True) as admin:
        admin.execute(sqlfiles.load("exports/grafana_grants").text)
        admin.execute("SET SESSION AUTHORIZATION perf_grafana")
        assert admin.execute("SELECT count(*) FROM ledger.sweeps").fetchone() is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            admin.execute("DELETE FROM ledger.targets")
        admin.execute("RESET SESSION AUTHORIZATION")
        admin.execute("DROP OWNED BY perf_grafana")
        admin.execute("DROP ROLE perf_grafana")
