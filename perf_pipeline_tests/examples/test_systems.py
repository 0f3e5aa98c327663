"""The example systems by name: declared as targets, created by one call, never on production."""

from collections.abc import Callable

import psycopg
import pytest

from perf_pipeline.components.catalog import declared_targets
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import systems
from perf_pipeline.examples.systems import SYSTEMS
from perf_pipeline.loadtests import pgbench
from perf_pipeline.postgres.production import ProductionError


def test_each_is_a_declared_target_under_the_same_variable() -> None:
    declared = {target.name: target for target in declared_targets()}
    assert set(declared) == set(SYSTEMS)
    for name, system in SYSTEMS.items():
        assert declared[name].url_env == system.url_env
        assert declared[name].embedded_database == name


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_each_has_a_load_whose_weights_add_up(name: str) -> None:
    scripts = pgbench.scripts(f"{name}/load")
    assert sum(script.weight for script in scripts) == 100
    variables = SYSTEMS[name].demo.variables()
    assert variables
    assert all(value >= 1 for value in variables.values())


def test_an_unknown_one_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="guardian, menuca, omninode, thorbis"):
        systems.system("atlantis")


@pytest.mark.server
def test_creating_twice_changes_nothing(make_database: Callable[..., str]) -> None:
    url = make_database()
    omninode = systems.system("omninode")
    size = omninode.make_size(events=200, days=2)
    applied, generated = systems.create(url, omninode, size)
    assert applied.applied
    assert generated.created
    assert generated.rows["omninode.hook_events"] == 200
    again, same = systems.create(url, omninode, size)
    assert not again.applied
    assert not same.created
    assert same.content_sha256 == generated.content_sha256


@pytest.mark.server
def test_nothing_is_made_where_it_is_production_or_somebody_elses(
    make_database: Callable[..., str],
) -> None:
    url = make_database()
    guardian = systems.system("guardian")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE mine (id integer)")
        with pytest.raises(ConfigurationError, match="somebody else's"):
            systems.create(url, guardian, guardian.demo)
        connection.execute("DROP TABLE mine")
        name = connection.info.dbname
        connection.execute(
            psycopg.sql.SQL(
                "ALTER DATABASE {} SET perf_pipeline.environment = 'production'"
            ).format(psycopg.sql.Identifier(name))
        )
        with pytest.raises(ProductionError, match="production"):
            systems.create(url, guardian, guardian.demo)
        rows = connection.execute(
            "SELECT count(*) FROM pg_namespace WHERE nspname IN ('guardian', 'perf_pipeline_meta')"
        ).fetchone()
    assert rows == (0,)
