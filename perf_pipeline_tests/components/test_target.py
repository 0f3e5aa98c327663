"""`PostgresTarget`: what a block gives, and what a wrong one says."""

from dataclasses import fields
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
import yaml

from perf_pipeline import vocabulary
from perf_pipeline.components import PostgresTarget
from perf_pipeline.components.catalog import declared_targets
from perf_pipeline.components.limits import RegressionLimits
from perf_pipeline.components.modules import Module, module_definitions, writers
from perf_pipeline.components.target import require_distinct
from perf_pipeline.components.watched import target_definitions
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.regressions.policy import Policy
from perf_pipeline.views.defs import view_definitions
from perf_pipeline.views.lineage import Lineage
from perf_pipeline.views.model import ViewPolicy
from perf_pipeline_tests.components.support import FLEET, block, messages, project

SHIPPED = Path(__file__).resolve().parents[2] / "perf_pipeline" / "defs" / "targets"


def test_one_short_file_adds_a_database_to_another_project() -> None:
    text = block(description="Orders and stock.", owners='["team:data", "ann@example.com"]')
    assert len(text.splitlines()) <= 8
    with project({"shop/defs.yaml": text}) as definitions:
        graph = definitions.resolve_asset_graph()
        names = {key.to_user_string() for key in graph.get_all_asset_keys()}
        assert len(names) == 11 + len(vocabulary.STATS)
        assert names >= {"shop/stats/statements", "shop/report/regressions"}
        assert {check.asset_key.path[0] for check in graph.asset_check_keys} == {"shop"}
        for key in graph.get_all_asset_keys():
            node = graph.get(key)
            assert node.group_name == "shop"
            assert set(node.owners) == {"team:data", "ann@example.com"}
            assert node.tags["target"] == "shop"
            assert node.tags["family"] == key.path[1]
            assert "dagster/kind/postgres" in node.tags
            assert node.description is not None
            assert node.description.startswith("One row is ")
            assert "Orders and stock." in node.description
            assert not node.pools or node.pools == {"pg_shop"}
        assert graph.get(dg.AssetKey(["shop", "stats", "tables"])).pools == {"pg_shop"}


def test_the_fleet_of_another_project_knows_each_target() -> None:
    files = {
        "fleet.py": FLEET,
        "shop/defs.yaml": block(),
        "several/defs.yaml": block("yard") + "---\n" + block("mill"),
    }
    with project(files) as definitions:
        dg.Definitions.validate_loadable(definitions)
        jobs = {job.name for job in definitions.resolve_all_job_defs()}
        assert jobs >= {"collect", "report_shop", "report_yard", "report_mill"}
        assert dg.AssetKey(["fleet", "collection"]) in (
            definitions.resolve_asset_graph().get_all_asset_keys()
        )


def test_a_target_alone_has_no_schedule_of_its_own() -> None:
    with project({"shop/defs.yaml": block()}) as definitions:
        assert not list(definitions.schedules or [])
        assert not list(definitions.sensors or [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (block(urlenv="X"), ["urlenv", "shop/defs.yaml:6", "Extra inputs are not permitted"]),
        (block(url_env=""), ["url_env", "shop/defs.yaml", "Field required"]),
        (block("Shop-1"), ["name", "shop/defs.yaml:3", "^[a-z][a-z0-9_]"]),
        (block(url_env="postgresql://a:b@c/d"), ["url_env", "shop/defs.yaml:4"]),
        (block(history_start='"2026-02-30"'), ["history_start", "2026-02-30", "YYYY-MM-DD"]),
        (block(history_start="soon"), ["history_start", "soon", "YYYY-MM-DD"]),
        (block("fleet"), ["shop", "fleet", "reserved"]),
        (block(owners='["Ann"]'), ["owners", "Ann", "team:"]),
        (
            block(regression_limits="{warning: 4}"),
            ["regression_limits", "warning (4.0) is not below critical (3.0)"],
        ),
        (block(regression_limits="{sever: 4}"), ["sever", "Extra inputs are not permitted"]),
    ],
    ids=[
        "extra",
        "missing",
        "name",
        "url",
        "no such day",
        "no day",
        "reserved",
        "owner",
        "limits",
        "limit",
    ],
)
def test_a_wrong_field_is_named_with_its_file(text: str, said: list[str]) -> None:
    with pytest.raises(Exception) as raised, project({"shop/defs.yaml": text}):
        pass
    message = messages(raised.value)
    assert [word for word in said if word not in message] == []


def test_a_bare_yaml_date_is_taken_as_well() -> None:
    with project({"shop/defs.yaml": block(history_start="2026-01-05")}) as definitions:
        key = dg.AssetKey(["shop", "report", "regressions"])
        partitions = definitions.resolve_asset_graph().get(key).partitions_def
        assert partitions is not None
        assert partitions.get_first_partition_key() == "2026-01-05"


def test_declared_limits_reach_the_target_and_the_rest_stays() -> None:
    component = PostgresTarget(
        name="shop",
        url_env="SHOP_URL",
        history_start=date(2026, 1, 1),
        regression_limits=RegressionLimits(warning=1.3, minimum_after=8),
    )
    policy = Policy.of(component.target().regression_limits)
    assert policy == Policy(warning=1.3, minimum_after=8)
    assert {field.name for field in fields(Policy)} == set(RegressionLimits.model_fields)
    for field in fields(Policy):
        text = RegressionLimits.model_fields[field.name].description
        assert text is not None
        assert text.endswith(f"; {field.default:g}.")


def test_the_modules_of_a_system_come_before_their_tables() -> None:
    (guardian,) = (each for each in declared_targets() if each.name == "guardian")
    core = Module(name="core", description="Theirs.", tables=["a.t", "a.u"])
    more = Module(name="more", description="Others'.", tables=["a.v"], owners=["team:x"])
    made = module_definitions(guardian, [core, more])
    specs = {spec.key.path[-1]: spec for spec in made.resolve_all_asset_specs()}
    assert specs["core"].metadata["tables"] == "a.t, a.u"
    assert (list(specs["core"].owners), list(specs["more"].owners)) == (["team:data"], ["team:x"])
    written = Lineage({"a.w": ("a.t", "a.x")}, {"a.t": "table", "a.x": "table", "a.w": "matview"})
    graph = view_definitions(
        guardian, [ViewPolicy("a.w")], written, writers(guardian, [core, more])
    ).resolve_asset_graph()
    before = graph.get(dg.AssetKey(["guardian", "table", "a", "t"])).parent_keys
    assert before == {dg.AssetKey(["guardian", "module", "core"])}
    assert not graph.get(dg.AssetKey(["guardian", "table", "a", "x"])).parent_keys
    with pytest.raises(ConfigurationError, match=r"a\.u is written by two modules"):
        writers(guardian, [core, Module(name="b", description="", tables=["a.u"])])
    with pytest.raises(ConfigurationError, match="declared twice"):
        writers(guardian, [core, core])


def test_a_name_used_twice_names_both_files() -> None:
    files = {"one/defs.yaml": block(), "two/defs.yaml": block(url_env="OTHER_URL")}
    with pytest.raises(Exception) as raised, project(files):
        pass
    message = messages(raised.value)
    assert "target 'shop' is declared twice" in message
    assert "one/defs.yaml" in message
    assert "two/defs.yaml" in message


def test_an_identical_block_twice_is_still_twice() -> None:
    first = PostgresTarget(name="shop", url_env="A_URL", history_start=date(2026, 1, 1))
    require_distinct([first])
    with pytest.raises(ConfigurationError, match="declared twice"):
        require_distinct([first, first.model_copy()])


def test_a_missing_variable_is_an_error_when_used_and_not_before() -> None:
    component = PostgresTarget(name="shop", url_env="SHOP_URL", history_start=date(2026, 1, 1))
    target = component.target()
    assert target_definitions(target).assets
    with pytest.raises(ConfigurationError, match="SHOP_URL is not set") as raised:
        target.url()
    assert "set SHOP_URL=postgresql://" in raised.value.remedy


def test_every_field_has_a_description() -> None:
    assert [n for n, f in PostgresTarget.model_fields.items() if not f.description] == []


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("defs.yaml")), ids=lambda p: p.parent.name)
def test_every_shipped_block_resolves(path: Path) -> None:
    # `dg check yaml` looks only at the last block of each type in a project
    for document in yaml.safe_load_all(path.read_text()):
        assert document["type"] == "perf_pipeline.components.PostgresTarget"
        component = PostgresTarget.resolve_from_dict(document["attributes"])
        assert component.name == path.parent.name


def test_shipped_blocks_were_found() -> None:
    assert list(SHIPPED.rglob("defs.yaml"))


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ("{query_p95_ms: -5}", "service_levels.query_p95_ms is -5"),
        ("{query_p95: 5}", "query_p95"),
        ("{response_ms: 300}", "response_ms and response_parts"),
        ("{tenants: lots, tenants_table: a.b}", "tenants 'lots': Input should be a valid integer"),
        ("{response_ms: 5, response_parts: {a: b}}", "'b': Input should be a valid list"),
        ("{analytics_ms: 1, analytics: [{name: x}]}", "'x' needs sql or file"),
        ("{analytics_ms: 1, analytics: [{name: x, file: no/such}]}", "no SQL file 'no/such'"),
    ],
)
def test_a_wrong_service_level_is_named(levels: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "defs.yaml").write_text(block(service_levels=levels))
    with pytest.raises(ConfigurationError) as caught:
        declared_targets(tmp_path)
    assert said in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_service_levels_of_a_block_are_the_targets_promises(tmp_path: Path) -> None:
    levels = "{query_p95_ms: 5, response_ms: 9, response_parts: {app: [a, b]}}"
    (tmp_path / "defs.yaml").write_text(block(service_levels=levels))
    (target,) = declared_targets(tmp_path)
    assert (target.promises.query_p95_ms, target.promises.cache_hit_ratio) == (5.0, 0.9)
    assert target.promises.response_parts == {"app": ("a", "b")}
