"""Service levels of some statements: those of a part, bulk writes, those of the busiest hour."""

from datetime import UTC, datetime, timedelta

import polars as pl
import psycopg
import pytest

from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import sla_statements, texts
from perf_pipeline.snapshots.record import collect
from perf_pipeline.snapshots.sla_statements import SCHEMA, bulk, of_parts, response
from perf_pipeline.store import Store, targets
from perf_pipeline_tests.snapshots.conftest import flush

PARTS = {"services": ("hs",), "cars": ("auto", "Repair"), "shop": ("ret",)}


def statements(*rows: tuple[str, int, float, int]) -> pl.DataFrame:
    """Return statements of (text, calls, ms each, rows in all); every call takes the same time."""
    return pl.DataFrame(
        [
            {
                "userid": 10,
                "dbid": 5,
                "queryid": number,
                "calls": calls,
                "total_exec_time": calls * each,
                "exec_time_squares": calls * each**2,
                "rows": written,
                "query": text,
            }
            for number, (text, calls, each, written) in enumerate(rows)
        ],
        schema=SCHEMA,
    )


def test_a_statement_belongs_to_the_parts_whose_schemas_it_names() -> None:
    found = of_parts(
        statements(
            ("SELECT * FROM hs.jobs", 100, 5.0, 100),
            ('SELECT 1 FROM "hs" . jobs', 100, 5.0, 100),
            ('UPDATE "Repair"."orders" SET a = $1', 10, 40.0, 10),
            ("SELECT count(*) FROM other.ret", 10, 9_000.0, 10),
            ("SELECT 'ret.sale' FROM other.t /* ret.sale */ -- ret.sale", 10, 9_000.0, 10),
            ("SELECT * FROM wret.sale", 10, 9_000.0, 10),
        ),
        PARTS,
    )
    assert found["services"] == pytest.approx(5.0)
    assert found["cars"] == pytest.approx(40.0)
    assert found["shop"] is None


def test_one_statement_over_two_parts_counts_for_both() -> None:
    text = "SELECT 1 FROM hs.jobs UNION ALL SELECT 1 FROM ret.sales"
    found = of_parts(statements((text, 1, 7.0, 1)), PARTS)
    assert found == {"services": pytest.approx(7.0), "cars": None, "shop": pytest.approx(7.0)}


def test_the_slowest_part_counts_and_a_load_test_stands_in_for_an_unused_one() -> None:
    reading = response({"services": 5.0, "cars": None, "shop": None}, {"cars": 80.0}, 7)
    assert reading.value == 80.0
    assert reading.figures == {"services_ms": 5.0, "cars_ms": 80.0, "shop_ms": None}
    (missing,) = reading.missing
    assert "nothing ran in shop" in missing
    whole = response({"services": 5.0}, {"services": 900.0}, 7)
    assert (whole.value, whole.missing) == (5.0, ())  # what is used tells more than a test
    nothing = response({"services": None}, {}, 7)
    assert nothing.value is None
    assert "services" in nothing.detail


@pytest.mark.parametrize(
    ("text", "rows", "is_bulk"),
    [
        ("INSERT INTO t SELECT g FROM generate_series($1, $2) g", 5_000, True),
        ("INSERT INTO t SELECT g FROM generate_series($1, $2) g", 4_000, False),
        ("/* nightly */ update t set a = $1", 5_000, True),
        ("COPY t (a) FROM STDIN", 5_000, True),
        ("COPY t (a) TO STDOUT", 5_000, False),
        (
            "WITH gone AS (DELETE FROM t RETURNING *) INSERT INTO old SELECT * FROM gone",
            9_000,
            True,
        ),
        ("WITH x AS (SELECT 1) SELECT * FROM x", 5_000, False),
        ("SELECT * FROM t", 5_000_000, False),
    ],
)
def test_a_bulk_write_writes_many_rows_a_call(text: str, rows: int, is_bulk: bool) -> None:
    reading = bulk(statements((text, 5, 30.0, rows)), 1_000)
    if is_bulk:
        assert reading.value == pytest.approx(30.0)
        assert reading.figures == {"bulk_writes": 5, "rows_written": rows}
    else:
        assert reading.value is None
        assert "no statement wrote 1,000 rows" in reading.detail


@pytest.mark.server
def test_measured_on_a_server(store: Store, target: Target, admin: psycopg.Connection) -> None:
    first = collect(target, store)
    admin.execute("INSERT INTO app.orders SELECT g, 'x', g FROM generate_series(200, 2200) g")
    for _ in range(5):
        admin.execute("SELECT pg_sleep(0.002), * FROM app.other")
    flush(admin)
    second = collect(target, store, text_budget=texts.Budget(0))
    target_id = targets.find(store, "swept")
    assert target_id is not None
    found = sla_statements.read(store, target_id, first.ts, second.ts)
    written = sla_statements.bulk(found, 1_000)
    assert written.value is not None
    assert written.figures["rows_written"] == 2_001
    values = of_parts(found, {"app": ("app",), "nothing": ("no_such",)})
    assert values["app"] is not None
    assert values["nothing"] is None
    reading, busiest = sla_statements.peak(store, target_id, second.ts)
    assert reading.value is not None
    assert reading.figures["transactions_at_peak"]
    assert busiest is None or busiest > 0
    # a week later nothing of it is the week's
    later, _ = sla_statements.peak(store, target_id, second.ts + timedelta(days=8))
    assert later.value is None
    assert "no interval" in later.detail


@pytest.mark.server
def test_generated_history_is_no_peak(store: Store) -> None:
    from perf_pipeline.examples import history

    made = history.generate(store, "swept", days=3)
    target_id = targets.find(store, "swept")
    assert target_id is not None
    end = datetime.combine(made.end, datetime.min.time(), UTC) + timedelta(days=1)
    reading, busiest = sla_statements.peak(store, target_id, end)
    assert (reading.value, busiest) == (None, None)
