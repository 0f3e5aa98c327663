"""No literal, address, token or password of a statement is stored, on any version.

Secrets are planted in statements, which are run, swept and read; then the store is searched.
"""

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import texts
from perf_pipeline.snapshots.record import collect
from perf_pipeline.store import Store
from perf_pipeline_tests.snapshots import planted
from perf_pipeline_tests.snapshots.conftest import flush

pytestmark = pytest.mark.server

NO_WAIT = texts.Budget(minimum_seconds=0)


@pytest.fixture(scope="session")
def server(each_server: EmbeddedServer) -> EmbeddedServer:
    """Run this module on each version: before 16 utility statements keep all their constants."""
    return each_server


def run(session: psycopg.Connection, statement: str) -> bool:
    """Run a statement, return whether the server took it."""
    try:
        session.execute(statement.encode())
    except psycopg.Error:
        session.execute("ROLLBACK")
        return False
    return True


def kept(store: Store) -> list[str]:
    with store.begin() as connection:
        rows = connection.execute("SELECT query FROM ledger.query_texts").fetchall()
    return [row[0] for row in rows]


def tagged(store: Store, ending: str) -> list[tuple[str, dict[str, str]]]:
    with store.begin() as connection:
        return connection.execute(
            "SELECT replace(q.query, %(ending)s, ''), g.tags FROM ledger.statement_tags g"
            " JOIN ledger.statement_texts USING (target_id, dbid, userid, queryid)"
            " JOIN ledger.query_texts q USING (text_hash)"
            " WHERE right(q.query, length(%(ending)s)) = %(ending)s ORDER BY q.query",
            {"ending": ending},
        ).fetchall()


def test_every_kind_of_statement(
    store: Store, victim_target: Target, victim: psycopg.Connection, planter: planted.Planter
) -> None:
    collect(victim_target, store, text_budget=NO_WAIT)
    refused = [text for text in planted.STATEMENTS if not run(victim, planter.fill(text))]
    assert refused == []
    victim.execute("SELECT max(id), 1 FROM app.t /*controller='orders',action='show'*/")
    victim.execute("SELECT min(id), 1 FROM app.t /*controller='orders',action='edit'*/;")
    victim.execute("/*job='Nightly'*/ SELECT count(*), 1 FROM app.t")
    flush(victim)
    collect(victim_target, store, text_budget=NO_WAIT)
    known = "\n".join(kept(store))
    for beginning in ("CREATE ROLE planted_", "ALTER SYSTEM SET", "NOTIFY channel", "DO ?",
                      "CREATE SUBSCRIPTION planted CONNECTION ?", "COMMENT ON TABLE app.t IS ?",
                      "CREATE USER MAPPING", "COPY app.t (email) FROM PROGRAM ?"):  # fmt: skip
        assert beginning in known
    assert len(kept(store)) > 70
    # 18 and later leave a comment before the statement out themselves
    before = victim.info.server_version < 180_000
    assert tagged(store, ", $1 FROM app.t") == [
        *([("SELECT count(*)", {"job": "Nightly"})] if before else []),
        ("SELECT max(id)", {"action": "show", "controller": "orders"}),
        ("SELECT min(id)", {"action": "edit", "controller": "orders"}),
    ]
    assert planted.leaks(planted.dump(store), planter.planted) == []


def test_statements_from_a_grammar(
    store: Store, victim_target: Target, victim: psycopg.Connection, planter: planted.Planter
) -> None:
    collect(victim_target, store, text_budget=NO_WAIT)
    taken = []

    @settings(max_examples=40, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(planted.statement_templates())
    def execute(template: str) -> None:
        taken.append(run(victim, planter.fill(template)))

    execute()
    assert len(taken) >= 40
    assert sum(taken) > 0.8 * len(taken)
    flush(victim)
    collect(victim_target, store, text_budget=NO_WAIT)
    assert len(kept(store)) > 0.5 * sum(taken)
    assert planted.leaks(planted.dump(store), planter.planted) == []
