"""`perf-pipeline views plan`: what it tells, and its exit code."""

from collections.abc import Callable

import psycopg
import pytest
from click.testing import CliRunner

from perf_pipeline import settings
from perf_pipeline.cli_views import views

pytestmark = pytest.mark.server


def test_a_view_that_is_not_there_is_told_by_the_exit_code(
    make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database()
    monkeypatch.setenv("THORBIS_URL", url)
    settings.current.cache_clear()
    told = CliRunner().invoke(views, ["plan", "--target", "thorbis"])
    assert told.exit_code == 1
    assert "missing" in told.output
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("CREATE SCHEMA analytics")
        session.execute(
            "CREATE MATERIALIZED VIEW analytics.business_performance_daily AS SELECT 1 AS id"
        )
    there = CliRunner().invoke(views, ["plan", "--target", "thorbis", "--json"])
    assert there.exit_code == 0, there.output
