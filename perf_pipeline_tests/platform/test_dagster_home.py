"""dagster.yaml and its folder: on real PostgreSQL storage, with any spelling of its URL."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import dagster as dg
import psycopg
import pytest
import sqlalchemy
import yaml
from dagster_postgres.event_log import PostgresEventLogStorage

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.platform.dagster_home import prepare, template
from perf_pipeline.platform.storage import KEPT_SESSIONS, PostgresStorage, with_driver


@dg.asset
def weighed() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"grams": 12})


Use = Callable[[Mapping[str, str]], dg.DagsterInstance]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    """Return a function that opens the instance of an environment, as Dagster's programs do."""
    opened: list[dg.DagsterInstance] = []

    def get(environment: Mapping[str, str]) -> dg.DagsterInstance:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        opened.append(dg.DagsterInstance.get())
        return opened[-1]

    yield get
    for instance in opened:
        instance.dispose()


@pytest.mark.server
@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_events_are_written_and_read_back_whatever_the_scheme(
    scheme: str, make_database: Callable[..., str], use: Use, tmp_path: Path
) -> None:
    url = make_database().replace("postgresql", scheme, 1)
    environment = prepare(tmp_path / "home", url)
    # the user's own variable, not normalised by us, as `dagster dev` would see it
    instance = use({**environment, "DAGSTER_PG_URL": url})
    assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
    queue = instance.get_concurrency_config().run_queue_config
    assert queue is not None
    assert queue.max_user_code_failure_retries > 0  # a code server that restarts fails no run
    result = dg.materialize([weighed], instance=instance)
    assert result.success
    newest = instance.get_latest_materialization_event(weighed.key)
    assert newest is not None
    assert newest.asset_materialization is not None
    assert newest.asset_materialization.metadata["grams"].value == 12
    watched: list[dg.EventLogEntry] = []
    instance.watch_event_logs(result.run_id, None, lambda event, _: watched.append(event))
    deadline = time.monotonic() + 60
    while not watched and time.monotonic() < deadline:
        time.sleep(0.1)
    assert watched


@pytest.mark.server
def test_sessions_are_kept_and_replaced_where_the_server_ended_them(
    make_database: Callable[..., str], use: Use, tmp_path: Path
) -> None:
    url = make_database()
    instance = use(prepare(tmp_path / "home", url))
    parts = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    (engine,) = {part._engine for part in parts}  # type: ignore[union-attr]
    opened: list[object] = []
    sqlalchemy.event.listen(engine, "connect", lambda one, _: opened.append(one))
    with psycopg.connect(url, autocommit=True) as other:
        for _ in range(2):
            assert dg.materialize([weighed], instance=instance).success  # 29 reads and writes
            other.execute(
                "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    # what was ended is replaced; with a session for each they would be 58
    assert 2 <= len(opened) <= 2 * KEPT_SESSIONS


@pytest.mark.server
def test_the_trap_is_still_there(
    make_database: Callable[..., str], use: Use, tmp_path: Path
) -> None:
    # when this fails, dagster-postgres works with a bare URL and PostgresStorage can go
    environment = prepare(tmp_path / "home", make_database())
    document = yaml.safe_load((tmp_path / "home" / "dagster.yaml").read_text())
    document["storage"] = {"postgres": {"postgres_url": {"env": "DAGSTER_PG_URL"}}}
    (tmp_path / "home" / "dagster.yaml").write_text(yaml.safe_dump(document))
    bare = environment["DAGSTER_PG_URL"].replace("+psycopg2", "")
    with pytest.raises(Exception, match='syntax error at or near "\\$1"'):
        dg.materialize([weighed], instance=use({**environment, "DAGSTER_PG_URL": bare}))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://a:b@h:1/d", "postgresql+psycopg2://a:b@h:1/d"),
        ("postgres://a@h/d?sslmode=require", "postgresql+psycopg2://a@h/d?sslmode=require"),
        ("postgresql+psycopg2://a@h/d", "postgresql+psycopg2://a@h/d"),
        ("postgresql+asyncpg://a@h/d", "postgresql+psycopg2://a@h/d"),
    ],
)
def test_the_driver_is_named(url: str, expected: str) -> None:
    assert with_driver(url) == expected


@pytest.mark.parametrize("url", ["mysql://a@h/d", "host=h dbname=d", "nonsense"])
def test_what_is_not_a_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        with_driver(url)


def test_preparing_replaces_an_older_file_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "some" / "home"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text("old: true")
    (home / "other").write_text("kept")
    environment = prepare(home, "postgresql://a@h/d")
    assert environment["DAGSTER_HOME"] == str(home)
    assert (home / "dagster.yaml").read_bytes() == template().read_bytes()
    assert sorted(path.name for path in home.iterdir()) == ["dagster.yaml", "other"]


@pytest.mark.server
def test_the_instance_is_set_up_as_documented(
    make_database: Callable[..., str], use: Use, tmp_path: Path
) -> None:
    instance = use(prepare(tmp_path, make_database()))
    assert isinstance(instance.get_ref().storage, PostgresStorage)
    assert instance.telemetry_enabled is False
    assert instance.nux_enabled is False
    assert instance.run_monitoring_enabled
    assert instance.run_retries_enabled
    queue = instance.get_concurrency_config()
    assert queue.pool_config.default_pool_limit == 1
    assert str(queue.pool_config.pool_granularity.value) == "op"
    assert queue.run_queue_config is not None
    assert queue.run_queue_config.max_concurrent_runs == 4
    limits = {limit["key"] for limit in queue.run_queue_config.tag_concurrency_limits}
    assert limits == {"dagster/backfill", "perf_pipeline/singleton"}
    sensor_days = instance.get_tick_retention_settings(
        dg._core.definitions.run_request.InstigatorType.SENSOR
    )
    assert set(sensor_days.values()) <= {1, 7, 30}
    assert -1 not in sensor_days.values()


def test_the_wheel_holds_the_one_dagster_yaml(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    assert template() == root / "dagster.yaml"
    text = (root / "pyproject.toml").read_text()
    assert '"dagster.yaml" = "perf_pipeline/_dagster.yaml"' in text


def test_an_instance_without_its_variable_names_it(tmp_path: Path) -> None:
    prepare(tmp_path, "postgresql://a@h/d")
    code = "import dagster as dg; dg.DagsterInstance.get()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "DAGSTER_PG_URL" in done.stderr
