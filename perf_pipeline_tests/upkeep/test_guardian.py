"""Orphans and bulk mode where they were asked for: on guardian's relationships."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from perf_pipeline.components.catalog import declared_target
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import guardian, schema
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, maintenance_log
from perf_pipeline.upkeep import apply, bulk, look
from perf_pipeline.upkeep.bulk import BulkModeError, bulk_mode
from perf_pipeline.upkeep.model import Policy, Relationships, require_policy
from perf_pipeline_tests.upkeep.shop import one

pytestmark = pytest.mark.server

TEMPLATE = "upkeep_guardian"
OURS = {
    "undeclared_kind": "undeclared_type",
    "inactive_kind": "inactive_type",
}


@pytest.fixture(scope="module")
def template(server: EmbeddedServer) -> Iterator[str]:
    server.ensure_database(TEMPLATE)
    schema.apply(server.url(TEMPLATE), "guardian")
    guardian.generate(server.url(TEMPLATE), 60, 200, 1)
    yield TEMPLATE
    server.drop_database(TEMPLATE)


@pytest.fixture
def url(template: str, make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> str:
    made: str = make_database(template)
    monkeypatch.setenv("GUARDIAN_URL", made)
    return made


@pytest.fixture
def target() -> Target:
    return declared_target("guardian")


def rule_of(target: Target) -> Relationships:
    rule = require_policy(target).relationships
    assert rule is not None
    return rule


def counted(connection: psycopg.Connection[Any]) -> Counter[tuple[str, str, str, str]]:
    rows = connection.execute(
        "SELECT source_table, target_table, relationship_type, orphan_type"
        " FROM guardian.detect_orphaned_relationships()"
    ).fetchall()
    return Counter(tuple(row) for row in rows)


def add(
    connection: psycopg.Connection[Any], source: str, target: str, kind: str = "treats"
) -> None:
    connection.execute(
        "INSERT INTO guardian.medical_data_relationships (patient_id, relationship_type,"
        " source_table, source_id, target_table, target_id, created_at)"
        " SELECT id, %s, %s, gen_random_uuid(), %s, gen_random_uuid(), now() - interval '9 days'"
        " FROM auth.users LIMIT 1",
        (kind, source, target),
    )


def test_the_general_search_finds_what_the_systems_own_function_does(
    url: str, target: Target
) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # no validation
        for source in ("no_such_table", "weird \"name'; --", "pg_catalog.pg_class", "audit_log"):
            add(connection, source, "patient_conditions")
        add(connection, "documents", "patient_medications", "never heard of")
        connection.execute(
            "UPDATE guardian.relationship_types SET is_active = false WHERE relationship_type ="
            " (SELECT min(relationship_type) FROM guardian.relationship_types)"
        )
        known = counted(connection)
    found = look.orphans(target, rule_of(target))
    assert found.notes == ()
    ours: Counter[tuple[str, str, str, str]] = Counter()
    for row in found.summary:
        name = OURS.get(row["class"], row["class"])
        ours[row["source_table"], row["target_table"], row["kind"], name] += row["orphans"]
    # the described function has two names for what ours calls one, and the same counts
    assert ours == known
    assert {"unknown_table", "missing_both", "archived_parent"} <= {
        r["class"] for r in found.summary
    }


def test_orphans_are_archived_and_nothing_else_is_touched(
    url: str, target: Target, shared_store: Store
) -> None:
    table = "guardian.medical_data_relationships"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for _ in range(25):
            add(connection, "documents", "patient_medications", "mentions")
        before = counted(connection)
        rows = one(connection, f"SELECT count(*) FROM {table}")
        archived = one(connection, f"SELECT count(*) FROM {table} WHERE archived")
        due = sum(n for key, n in before.items() if key[3].startswith("missing_"))
        small = rule_of(target).model_copy(update={"batch_rows": 10, "minimum_age_minutes": 0})
        policy = Policy(relationships=small)
        done = apply.run(replace(target, upkeep=policy), policy, shared_store, ("orphans",))
        assert {r.outcome for r in done.results} == {"done"}
        assert done.rows == due > 25
        assert one(connection, f"SELECT count(*) FROM {table}") == rows
        assert one(connection, f"SELECT count(*) FROM {table} WHERE archived") == archived + due
        left = counted(connection)
        assert left == Counter({k: n for k, n in before.items() if not k[3].startswith("missing_")})


def test_young_orphans_wait_for_their_ends(url: str, target: Target, shared_store: Store) -> None:
    policy = Policy(relationships=rule_of(target).model_copy(update={"minimum_age_minutes": 10**7}))
    done = apply.run(replace(target, upkeep=policy), policy, shared_store, ("orphans",))
    assert done.results
    assert done.rows == 0
    # a rule that names what is not there fails alone, and says so
    rule = rule_of(target).model_copy(update={"archived": "out_of_use"})
    policy = Policy(relationships=rule)
    done = apply.run(replace(target, upkeep=policy), policy, shared_store, ("orphans", "analyze"))
    first, *others = done.results
    assert (first.step.operation, first.outcome) == ("rows.archive_orphans", "failed")
    assert "relationships of guardian.medical_data_relationships: column" in first.note
    assert "upkeep.relationships" in first.note
    assert {each.outcome for each in others} == {"done"}


def test_bulk_mode_ends_with_a_count_an_entry_and_a_row_in_the_log(
    url: str, target: Target, shared_store: Store
) -> None:
    with psycopg.connect(url) as connection:
        with bulk_mode(connection, shared_store, target, "nightly load") as work:
            add(work.connection, "documents", "patient_medications", "mentions")
            work.records = 1
        assert work.orphans is not None
        assert work.orphans >= 1
        connection.rollback()
        # it was the transaction's: validation is back
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            add(connection, "documents", "patient_medications", "mentions")
        connection.rollback()
        entry = "SELECT reason FROM guardian.audit_log WHERE operation = 'BULK_COMPLETE'"
        assert "nightly load: 1 records" in one(connection, entry)
    (row,) = [r for r in bulk.recent(shared_store, target.name) if r["operation"] == "nightly load"]
    assert (row["records"], row["orphans"], row["outcome"]) == (1, work.orphans, "done")
    assert row["minutes"] < 1
    assert row["note"] == ""


def test_what_goes_wrong_in_bulk_mode_is_taken_back_and_logged(
    url: str, target: Target, shared_store: Store
) -> None:
    with psycopg.connect(url) as connection:
        links = "SELECT count(*) FROM guardian.medical_data_relationships"
        before = one(connection, links)
        connection.rollback()
        with (
            pytest.raises(BulkModeError, match="lead nowhere"),
            bulk_mode(connection, shared_store, target, "too many", most_orphans=0) as work,
        ):
            add(work.connection, "documents", "patient_medications", "mentions")
        with (
            pytest.raises(psycopg.errors.DivisionByZero),
            bulk_mode(connection, shared_store, target, "broken") as work,
        ):
            work.connection.execute("SELECT 1 / 0")
        assert one(connection, links) == before
        assert one(connection, "SELECT count(*) FROM guardian.bulk_operations") == 0
        # within somebody's transaction it would end with theirs
        with pytest.raises(ConfigurationError), bulk_mode(connection, shared_store, target, "in"):
            pass
    rows = maintenance_log.recent(shared_store, target.name, operation=bulk.OPERATION, limit=2)
    assert [(r["detail"]["what"], r["outcome"]) for r in rows] == [
        ("broken", "failed"),
        ("too many", "failed"),
    ]


def test_who_may_not_cannot_begin_it(url: str, target: Target, shared_store: Store) -> None:
    name = f"loader_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'loader'")
        admin.execute(f"GRANT USAGE ON SCHEMA guardian TO {name}")
        try:
            theirs = psycopg.conninfo.make_conninfo(url, user=name, password="loader")
            with (
                psycopg.connect(theirs) as connection,
                pytest.raises(BulkModeError, match="may not begin"),
                bulk_mode(connection, shared_store, target, "forbidden"),
            ):
                pytest.fail("it began")
        finally:
            admin.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.parametrize(
    ("minutes", "orphans", "said"),
    [(59.9, 100, ""), (60.1, 0, "SLOW"), (1.0, 101, "HIGH ORPHAN"), (None, None, "")],
)
def test_notes_of_bulk_operations(minutes: float | None, orphans: int | None, said: str) -> None:
    assert said in bulk.note(minutes, orphans)
    assert bool(said) == bool(bulk.note(minutes, orphans))
