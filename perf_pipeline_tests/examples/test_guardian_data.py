import uuid
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import guardian_data
from perf_pipeline.examples.guardian import TABLES
from perf_pipeline.examples.guardian_data import ORPHANS, RELATIONSHIP_TYPES, Size, chunks

NOW = datetime(2026, 3, 4, 5, 6, 7)
SIZE = Size(patients=600, audit_rows=20_000)

Tables = dict[tuple[str, str], pl.DataFrame]
EMPTY = {("guardian", "user_dashboard_cache"), ("guardian", "dashboard_reads")}


def tables(size: Size = SIZE, seed: int = 1) -> Tables:
    made: Tables = {}
    for chunk in chunks(size, seed, NOW):
        for table, frame in chunk.items():
            made[table] = pl.concat([made[table], frame]) if table in made else frame
    return made


@pytest.fixture(scope="module")
def made() -> Tables:
    return tables()


def test_every_table_of_data_is_filled(made: Tables) -> None:
    assert set(made) == set(TABLES) - EMPTY
    assert all(frame.height for frame in made.values())


def test_same_seed_same_rows_other_seed_other_rows(made: Tables) -> None:
    again, other = tables(), tables(seed=2)
    for table, frame in made.items():
        assert frame.equals(again[table]), table
    assert not made["guardian", "documents"].equals(other["guardian", "documents"])


def test_patients_are_found_by_arithmetic(made: Tables) -> None:
    users = made["auth", "users"]
    assert users.height == SIZE.variables()["patients"]
    assert users["id"][41] == guardian_data.patient_ids(42, 43)[0]
    assert uuid.UUID(users["id"][41])


@pytest.mark.parametrize("table", [name for _, name in TABLES if name.startswith("patient_")])
def test_every_patient_has_facts_and_some_have_many(made: Tables, table: str) -> None:
    rows = made["guardian", table]
    per_patient = rows["patient_id"].value_counts()["count"]
    assert set(rows["patient_id"]) == set(made["auth", "users"]["id"])
    assert per_patient.max() > 2 * per_patient.median()  # type: ignore[operator]
    assert rows["created_at"].is_between(NOW - timedelta(days=360), NOW).all()


def test_relationships_are_whole_but_for_the_shares_that_are_not(made: Tables) -> None:
    links = made["guardian", "medical_data_relationships"]
    known = pl.concat(
        [
            made["guardian", name].select("id", pl.nth(1).alias("whose"), pl.lit(name).alias("at"))
            for _, name in TABLES
            if name.startswith(("patient_", "documents"))
        ]
    )
    joined = links.join(
        known.rename({"whose": "source_of"}),
        left_on=["source_table", "source_id"], right_on=["at", "id"], how="left",
    ).join(
        known.rename({"whose": "target_of"}),
        left_on=["target_table", "target_id"], right_on=["at", "id"], how="left",
    )  # fmt: skip
    source, target = joined["source_of"].is_null(), joined["target_of"].is_null()
    found = {
        "missing_target": ~source & target,
        "missing_source": source & ~target,
        "missing_both": source & target,
        "undeclared_type": joined["relationship_type"] == "suspected",
    }
    for name, share in ORPHANS.items():
        assert found[name].mean() == pytest.approx(share, rel=0.4), name
    for column in ("source_of", "target_of"):
        there = joined.drop_nulls(column)
        assert (there[column] == there["patient_id"]).all()  # nobody else's
    declared = {(kind, source, target) for kind, source, target, _ in RELATIONSHIP_TYPES}
    seen = set(links.select("relationship_type", "source_table", "target_table").unique().rows())
    assert {row for row in seen if row[0] != "suspected"} <= declared


def test_some_facts_are_archived_and_some_never_rated(made: Tables) -> None:
    rows = made["guardian", "patient_medications"]
    assert 0 < rows["archived"].mean() < 0.03  # type: ignore[operator]
    assert 0.05 < rows["confidence_score"].null_count() / rows.height < 0.15
    assert rows["confidence_score"].drop_nulls().is_between(0, 1).all()
    conditions = made["guardian", "patient_conditions"]
    assert 0.1 < conditions["severity"].null_count() / conditions.height < 0.3


def test_the_audit_reaches_back_seven_years_and_names_known_records(made: Tables) -> None:
    audit = made["guardian", "audit_log"]
    assert audit.height == SIZE.audit_rows
    assert audit["changed_at"].is_sorted()
    assert (audit["changed_at"].dt.date() == audit["audit_date"]).all()
    assert (
        NOW - timedelta(days=7 * 365.25) <= audit["changed_at"][0] < NOW - timedelta(days=6.9 * 365)
    )
    months = audit["audit_date"].dt.truncate("1mo").value_counts()
    assert months.height == 85
    known = {name: set(made["guardian", name]["id"]) for name in set(audit["table_name"])}
    assert len(known) == 3
    assert all(
        row[1] in known[row[0]] for row in audit.select("table_name", "record_id").iter_rows()
    )
    assert set(audit["changed_by"]) <= set(made["auth", "users"]["id"])


def test_stages_follow_their_document(made: Tables) -> None:
    stages = made["guardian", "document_processing_stages"]
    documents = made["guardian", "documents"]
    assert stages.height == 3 * documents.height
    assert set(stages["status"]) >= {"done", "failed"}
    assert ((stages["status"] == "pending") == stages["started_at"].is_null()).all()
    assert (
        stages["completed_at"]
        .is_null()
        .equals(stages["status"].is_in(["pending", "running"]), check_names=False)
    )
    joined = stages.join(documents, left_on="document_id", right_on="id")
    assert (joined["processing_date"] == joined["created_at"].dt.date()).all()


def test_facts_were_read_in_documents_of_the_same_patient(made: Tables) -> None:
    sources = made["guardian", "clinical_fact_sources"]
    joined = sources.join(
        made["guardian", "documents"].select("id", "user_id"), left_on="document_id", right_on="id"
    ).join(
        made["guardian", "patient_medications"].select("id", "patient_id"),
        left_on="source_id",
        right_on="id",
    )
    assert joined.height == sources.height
    assert (joined["user_id"] == joined["patient_id"]).all()


def test_large_data_comes_in_groups_with_ids_that_never_meet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guardian_data, "_CHUNK_PATIENTS", 100)
    monkeypatch.setattr(guardian_data, "_CHUNK_AUDIT", 3_000)
    split = tables()
    for table in TABLES:
        if table not in EMPTY and "id" in split[table].columns:
            assert split[table]["id"].n_unique() == split[table].height
    assert split["auth", "users"].height == SIZE.patients
    assert split["auth", "users"]["email"].n_unique() == SIZE.patients


@settings(max_examples=10, deadline=None)
@given(st.integers(10, 60), st.integers(1, 500), st.integers(1, 9), st.integers(0, 2**32))
def test_any_size_gives_what_was_asked(patients: int, rows: int, years: int, seed: int) -> None:
    found = tables(Size(patients, rows, years), seed)
    assert found["auth", "users"].height == patients
    audit = found["guardian", "audit_log"]
    assert audit.height == rows
    assert audit["changed_at"].is_between(NOW - timedelta(days=years * 365.25), NOW).all()


@pytest.mark.parametrize(
    ("sizes", "name"),
    [((9, 1, 1), "patients=9"), ((10, 0, 1), "audit_rows=0"), ((10, 1, 0), "years=0")],
)
def test_too_small_is_refused(sizes: tuple[int, int, int], name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Size(*sizes)
