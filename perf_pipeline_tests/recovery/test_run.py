"""A user's way: the command, the log, the asset and its checks."""

import json
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from click.testing import CliRunner

from perf_pipeline import settings
from perf_pipeline.cli import cli
from perf_pipeline.components import catalog
from perf_pipeline.errors import ConfigurationError, UnreachableError
from perf_pipeline.recovery import defs, run
from perf_pipeline.recovery.model import Policy
from perf_pipeline.store import Store
from perf_pipeline.store.maintenance_log import recent
from perf_pipeline_tests.conftest import PG_BIN

pytestmark = pytest.mark.server


def test_a_target_is_backed_up_drilled_and_told_of(
    store: Store, make_database, server_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database()
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("CREATE TABLE items AS SELECT generate_series(1, 10) AS id")
    monkeypatch.setenv("OMNINODE_URL", url)
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    monkeypatch.setenv("PERF_HOME", str(server_directory / "home"))
    if PG_BIN is not None:
        monkeypatch.setenv("PERF_PG_BIN", str(PG_BIN))
    (server_directory / "home").mkdir(mode=0o711)
    settings.current.cache_clear()
    runner = CliRunner()
    unproved = runner.invoke(cli, ["recovery", "status", "--target", "omninode"])
    assert unproved.exit_code == 1, unproved.output
    assert "NOT PROVED full: never drilled" in unproved.output
    done = runner.invoke(cli, ["recovery", "drill", "full", "--target", "omninode", "--json"])
    assert done.exit_code == 0, done.output
    (full,) = json.loads(done.output)
    assert full["met"] is True
    assert "with 10 rows were read" in full["proof"]
    target = catalog.declared_target("omninode")
    made = defs.target_definitions(target, Policy(rate_mb=1024), "40 1 * * 0", "10 5 1 * *")
    assert {job.name for job in made.jobs or ()} == {
        "recovery_backup_omninode",
        "recovery_drill_omninode",
    }
    (checks,) = made.asset_checks or ()
    (_, drills) = made.assets or ()
    assert isinstance(drills, dg.AssetsDefinition)
    config = {"ops": {drills.op.name: {"config": {"kinds": ["failover"]}}}}
    result = dg.materialize([drills, checks], run_config=config)
    found = {each.check_name: each.passed for each in result.get_asset_check_evaluations()}
    assert found == {
        "full_recovery_is_proved": True,
        "point_in_time_recovery_is_proved": False,
        "failover_recovery_is_proved": True,
        "wal_reaches_any_moment": False,  # nothing archives here
    }
    rows = recent(store, "omninode", operation="recovery.drill")
    assert [row["object"] for row in rows] == ["failover", "full"]
    assert {row["outcome"] for row in rows} == {"done"}
    after = runner.invoke(cli, ["recovery", "status", "--target", "omninode"])
    assert after.exit_code == 1, after.output
    assert "NOT PROVED point_in_time: never drilled" in after.output
    assert "failover: done on" in after.output
    with pytest.raises(dg.Failure, match="kinds: tenant cannot be drilled here"):
        defs.chosen(Policy(), ["tenant"])


def test_a_server_that_is_away_is_told_as_such(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMNINODE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    monkeypatch.setenv("PERF_HOME", str(tmp_path))
    settings.current.cache_clear()
    done = CliRunner().invoke(cli, ["recovery", "backup", "--target", "omninode"])
    assert isinstance(done.exception, UnreachableError)
    assert list(tmp_path.iterdir()) == []  # nothing was begun


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    (tmp_path / "file").touch()
    run._make(tmp_path)
    run._make(tmp_path / "made" / "for us")
    modes = [path.stat().st_mode & 0o7777 for path in (tmp_path, tmp_path / "made" / "for us")]
    assert modes == [0o1777, 0o711]
    with pytest.raises(ConfigurationError, match="file/backups cannot be used: Not a directory"):
        run._make(tmp_path / "file" / "backups")
