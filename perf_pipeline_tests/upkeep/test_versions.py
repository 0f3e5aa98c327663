"""Upkeep on each major version: rows that are too old, bloated indexes, statistics, advice."""

from collections.abc import Callable

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.store import Store, maintenance_log
from perf_pipeline.upkeep import apply, look
from perf_pipeline.upkeep.model import require_policy
from perf_pipeline_tests.upkeep.shop import BUDGET, OLD, bloat, fill, invalid, one, target, until

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server(each_server: EmbeddedServer) -> EmbeddedServer:
    return each_server


def test_all_that_is_due_is_done(
    make_database: Callable[..., str], shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database()
    fill(url, 20_000)
    monkeypatch.setenv("VERSIONS_URL", url)
    made = target("versions")
    with psycopg.connect(url, autocommit=True) as connection:
        bloat(connection)
        connection.execute("CREATE INDEX t_x_ccnew ON app.t (x)")
        connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.t_x_ccnew'::regclass"
        )
        done = apply.run(
            made, require_policy(made), shared_store, ("cleanup", "reindex"), budget=BUDGET
        )
        assert {r.step.operation for r in done.results} == {
            "rows.delete",
            "index.drop_leftover",
            "index.reindex",
        }
        assert {r.outcome for r in done.results} == {"done"}
        assert done.saved_bytes > 0
        assert one(connection, f"SELECT count(*) FROM app.t WHERE done AND {OLD}") == 0
        assert invalid(connection) == 0
        with psycopg.connect(url) as writer:  # which hands in its statistics as it ends
            writer.execute("UPDATE app.t SET x = x || 'y'")
        until(connection, "pg_stat_get_mod_since_analyze('app.t'::regclass) > 50")
        done = apply.run(made, require_policy(made), shared_store, ("analyze",), budget=BUDGET)
        assert [(r.step.operation, r.outcome) for r in done.results] == [("table.analyze", "done")]
        found = look.advice(made)
    assert found.xid_age > 0
    assert {row["index"] for row in found.usage} == {"app.t_pkey", "app.t_at", "app.t_x"}
    rows = maintenance_log.recent(shared_store, made.name)
    assert {row["outcome"] for row in rows} == {"done"}
