"""Views as assets: lineage from what was written down, events, checks, schedules, the sensor."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.views import catalog, lineage
from perf_pipeline.views.defs import view_definitions, view_key
from perf_pipeline.views.lineage import Lineage
from perf_pipeline.views.schedule_defs import job_name, look, schedules_definitions
from perf_pipeline_tests.components.support import FLEET, block, messages, project
from perf_pipeline_tests.views.support import ADDING, make_shop, target, view

POLICIES = (
    view("shop.daily", schedule="*/15 * * * *"),
    view("shop.tenants", schedule="*/15 * * * *"),
    view("shop.kept", rollup=ADDING),
)
WRITTEN = Lineage(
    {
        "shop.daily": ("shop.paid",),
        "shop.tenants": ("shop.daily",),
        "shop.paid": ("shop.orders",),
        "shop.kept": ("shop.orders",),
    },
    {"shop.orders": "table", "shop.paid": "view", "shop.daily": "matview"},
)
VIEWS = """
  views:
    - {name: shop.daily, schedule: "*/15 * * * *", fresh_minutes: 30}
    - name: shop.kept
      schedule: "0 3 * * *"
      incremental: {source: shop.orders, group_by: {day: day}, measures: {n: count(*)}}
"""


def test_a_table_leads_to_a_view_to_a_materialized_view() -> None:
    graph = view_definitions(target(), POLICIES, WRITTEN).resolve_asset_graph()
    key = dg.AssetKey(["shop", "matview", "tenants"])
    seen = []
    while key is not None:
        seen.append(key.to_user_string())
        parents = graph.get(key).parent_keys
        key = next(iter(parents), None)
    assert seen == [
        "shop/matview/tenants",
        "shop/matview/daily",
        "shop/view/shop/paid",
        "shop/table/shop/orders",
    ]
    node = graph.get(dg.AssetKey(["shop", "matview", "daily"]))
    assert node.freshness_policy is not None
    assert node.pools == {"pg_shop"}
    # nobody looks at it while nothing happens: time alone does not make it late
    assert graph.get(dg.AssetKey(["shop", "matview", "kept"])).freshness_policy is None
    assert view_definitions(target(), (), None).assets is None


def test_the_yaml_of_views_gives_assets_jobs_and_schedules() -> None:
    files = {"fleet.py": FLEET, "shop/defs.yaml": block() + VIEWS.lstrip("\n")}
    with project(files) as definitions:
        keys = {k.to_user_string() for k in definitions.resolve_asset_graph().get_all_asset_keys()}
        assert keys >= {"shop/matview/daily", "shop/matview/kept"}
        assert "refresh_shop" in {job.name for job in definitions.resolve_all_job_defs()}
        schedules = {each.name: each for each in definitions.schedules or []}
        crons = {schedules[f"refresh_shop_{n}"].cron_schedule for n in (1, 2)}  # type: ignore[union-attr]
        assert crons == {"*/15 * * * *", "0 3 * * *"}
        assert [s.name for s in definitions.sensors or []].count("views_asked_for") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  views: [{name: daily}]\n", "name"),
        ("  views: [{name: s.a, moves: weekly}]\n", "moves is 'weekly'"),
        ("  views: [{name: s.a}, {name: t.a}]\n", "would be one asset"),
        ("  views: [{name: s.a, lock_ms: 9}]\n", "lock_ms"),
        ("  views: [{name: s.a, incremental: {source: s.t, group_by: {}}}]\n", "measures"),
    ],
)
def test_a_wrong_declaration_says_what_is_wrong(text: str, said: str) -> None:
    with (
        pytest.raises(Exception) as caught,
        project({"shop/defs.yaml": block() + text}) as definitions,
    ):
        definitions.resolve_asset_graph()
    assert said in messages(caught.value)


def test_lineage_is_written_beside_the_yaml_and_read_back(tmp_path: Path) -> None:
    path = lineage.file_of(tmp_path / "defs.yaml", "shop")
    assert lineage.load(path) is None
    path.write_text(WRITTEN.as_json())
    assert lineage.load(path) == WRITTEN
    path.write_text(json.dumps({"reads": []}))
    with pytest.raises(ConfigurationError, match="no lineage"):
        lineage.load(path)


@pytest.mark.server
def test_views_are_materialized_checked_and_asked_for(
    make_database: Callable[..., str],
    store_template: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    url = make_shop(make_database)
    monkeypatch.setenv("SHOP_URL", url)
    monkeypatch.setenv("PERF_STORE_URL", make_database(store_template))
    settings.current.cache_clear()
    shop = target()
    definitions = dg.Definitions.merge(
        view_definitions(shop, POLICIES, WRITTEN), schedules_definitions([(shop, POLICIES)])
    )
    with catalog.pg.session(url, autocommit=True) as session:
        graph = catalog.graph(session, [each.name for each in POLICIES])
    assert lineage.of(graph, POLICIES, {}).reads == WRITTEN.reads
    keys = {each.name: view_key(shop, each) for each in POLICIES}
    repository = definitions.get_repository_def()
    # a schedule opens the instance by its reference, which an ephemeral one has not
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        job = definitions.resolve_job_def(job_name(shop))
        first = job.execute_in_process(instance=instance)
        assert first.success
        assert len(first.get_asset_materialization_events()) == 3
        told = [
            event.asset_check_evaluation_data
            for event in first.all_events
            if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ]
        checks = {(each.asset_key.path[-1], each.check_name): each.passed for each in told}
        assert checks == {
            ("daily", "fresh"): True,
            ("daily", "readers_go_on"): True,
            ("kept", "fresh"): True,
            ("kept", "readers_go_on"): True,
            ("tenants", "fresh"): True,
            ("tenants", "readers_go_on"): False,
        }
        with psycopg.connect(url, autocommit=True) as app:
            app.execute("DROP MATERIALIZED VIEW shop.daily CASCADE")
            app.execute("SELECT perf_pipeline_meta.request_refresh('shop.kept')")
        broken = job.execute_in_process(instance=instance, raise_on_error=False)
        assert not broken.success
        made = [e.asset_key for e in broken.get_asset_materialization_events()]
        assert made == [keys["shop.kept"]]
        failed = {
            event.asset_check_evaluation_data.asset_key.path[-1]
            for event in broken.all_events
            if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
            and event.asset_check_evaluation_data.check_name == "fresh"
            and not event.asset_check_evaluation_data.passed
        }
        assert failed == {"daily", "tenants"}
        with psycopg.connect(url, autocommit=True) as app:
            for _ in range(3):
                app.execute("SELECT perf_pipeline_meta.request_refresh('shop.kept')")
        sensor = repository.get_sensor_def("views_asked_for")
        with dg.build_sensor_context(instance=instance) as context:
            asked = sensor.evaluate_tick(context).run_requests or []
        assert [each.asset_selection for each in asked] == [[keys["shop.kept"]]]
        schedule = repository.get_schedule_def("refresh_shop_1")
        with dg.build_schedule_context(
            instance=instance,
            repository_def=repository,
            scheduled_execution_time=datetime(2026, 3, 1, tzinfo=UTC),
        ) as tick:
            due = schedule.evaluate_tick(tick).run_requests or []
        assert [set(each.asset_selection or []) for each in due] == [
            {keys["shop.daily"], keys["shop.tenants"]}
        ]


@pytest.mark.server
def test_a_target_that_does_not_answer_is_told_and_the_others_are_looked_at(
    make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_URL", make_database())
    monkeypatch.setenv("GONE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    told: list[str] = []
    found = look(
        [(target("gone", "GONE_URL"), POLICIES), (target(), POLICIES)], datetime.now(UTC), told
    )
    assert [(each.name, asked) for each, _, asked in found] == [("shop", [])]
    assert len(told) == 1
    assert told[0].startswith("gone: ")
