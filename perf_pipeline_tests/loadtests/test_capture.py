"""Scenarios captured from what clients asked: what parameters were, what is drawn, what is run."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline import settings as knobs
from perf_pipeline.cli import cli
from perf_pipeline.embedded import binaries
from perf_pipeline.errors import ConfigurationError, InputError
from perf_pipeline.loadtests import capture, draws, uses
from perf_pipeline.loadtests import compile as scripts
from perf_pipeline.loadtests import run as load
from perf_pipeline.loadtests import scenario as scenarios
from perf_pipeline.loadtests.capture import Column, Described
from perf_pipeline.loadtests.run import Options
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots.record import collect
from perf_pipeline.snapshots.rollup import roll_up
from perf_pipeline.store import Store

SCHEMA = """
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA shop;
CREATE TYPE shop.state AS ENUM ('open', 'done: "it''s\\');
CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code uuid UNIQUE, customer integer,
    state shop.state, note text, at timestamptz, n integer DEFAULT 0
);
INSERT INTO shop.orders (code, customer, state, note, at)
SELECT gen_random_uuid(), g % 50, (enum_range(NULL::shop.state))[1 + g % 2],
    E'a:b\\n' || g, '2026-01-01'::timestamptz + g * interval '1 hour'
FROM generate_series(1, 2000) AS g;
ANALYZE shop.orders;
"""
DAYS = ("2026-01-02", "2026-01-03")
#: What the application asks, how often, and with what.
ASKED: list[tuple[int, str, tuple[Any, ...]]] = [
    (
        40,
        "SELECT * FROM shop.orders AS o WHERE o.customer = %s AND o.state = %s LIMIT %s",
        (4, "open", 5),
    ),
    (21, "SELECT count(*) FROM shop.orders WHERE at >= %s AND at < %s", DAYS),
    (19, "UPDATE shop.orders SET n = n + %s, note = %s WHERE id = %s", (1, "x", 7)),
    (11, "SELECT note FROM shop.orders WHERE id = ANY(%s)", ([1, 2, 3],)),
    (
        9,
        "INSERT INTO shop.orders (code, customer, state) VALUES (%s::uuid, %s, %s)",
        ("", 4, "open"),
    ),
    # what it was nobody knows; a key that only the application knows how to make
    (6, "SELECT left(note, %s) FROM shop.orders WHERE id = %s", (3, 8)),
    (5, "UPDATE shop.orders SET code = %s::uuid WHERE id = %s", ("", 9)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (
            "SELECT 1 FROM hs.jobs AS w JOIN c ON c.id = w.c WHERE w.b = $1 AND w.at >= $2 "
            'AND w.at < $3 AND c."Id" = ANY($4) ORDER BY 1 LIMIT $5 OFFSET $6',
            {
                1: ("equal", "hs.jobs", "b"), 2: ("low", "hs.jobs", "at"),
                3: ("high", "hs.jobs", "at"), 4: ("equal", "c", "Id"), 5: ("limit", "", ""),
                6: ("offset", "", ""),
            },
        ),
        (
            "UPDATE a SET s = $1, n = n + $2 WHERE k = CAST($3 AS bigint)",
            {1: ("set", "a", "s"), 2: ("step", "", ""), 3: ("equal", "a", "k")},
        ),
        (
            "INSERT INTO t (a, b, c) VALUES ($1, lower($2), $3::text), ($4, $5, now()) RETURNING a",
            {
                1: ("put", "t", "a"), 3: ("put", "t", "c"), 4: ("put", "t", "a"),
                5: ("put", "t", "b"),
            },
        ),
        (
            "SELECT 1 FROM x, y z WHERE z.k IN ($1, $2) AND $3 = x.q AND x.d BETWEEN $4 AND $5",
            {
                1: ("equal", "y", "k"), 2: ("equal", "y", "k"), 3: ("equal", "x", "q"),
                4: ("low", "x", "d"), 5: ("high", "x", "d"),
            },
        ),
        (
            "WITH s AS (UPDATE a.b SET x = $1 WHERE y = $2 RETURNING y) INSERT INTO a.c (d)"
            " SELECT y FROM s WHERE z = $3",
            {1: ("equal", "", "x"), 2: ("equal", "", "y"), 3: ("equal", "", "z")},
        ),
        ("SELECT date_trunc($1, b) FROM a WHERE c = $2 + d AND e LIKE $3", {}),
    ],
)  # fmt: skip
def test_what_a_parameter_was_is_told_by_the_text(
    text: str, known: dict[int, tuple[str, str, str]]
) -> None:
    found = {number: (use.how, use.table, use.column) for number, use in uses.of(text).items()}
    assert found == known


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=100))
@settings(max_examples=60)
def test_weights_are_calls_in_a_hundred_parts(calls: list[int]) -> None:
    found = capture.weights(calls)
    assert sum(found) == 100
    assert min(found) >= 1
    spare = 100 - len(calls)
    for one, weight in zip(calls, found, strict=True):
        assert abs(weight - 1 - spare * one / sum(calls)) < 1


def test_what_cannot_be_known_is_left_out() -> None:
    column = Column("a.t", "k", "bigint", (frozenset({"k"}), frozenset({"k", "n"})), 100.0)
    other = Column("a.t", "n", "bigint", (frozenset({"k", "n"}),), 100.0)
    there = Described([("bigint", False)], {"a.t": {"k": column, "n": other}})
    # n alone is no key: the rest of it is made by the database
    assert isinstance(capture.draws_of("INSERT INTO a.t (n) VALUES ($1)", there, 1.0), dict)
    both = Described([("bigint", False)] * 2, there.columns)
    assert "unique" in capture.draws_of("INSERT INTO a.t (n, k) VALUES ($1, $2)", both, 1.0)
    assert "unique" in capture.draws_of("INSERT INTO a.t (k) VALUES ($1)", there, 1.0)
    assert "no column" in capture.draws_of("SELECT 1 FROM a.t WHERE nope = $1", there, 1.0)
    assert "nobody knows" in capture.draws_of("SELECT f($1) FROM a.t", there, 1.0)
    # a tenth of the table was returned
    (found,) = dict(capture.draws_of("SELECT 1 FROM a.t WHERE k > $1", there, 10.0)).values()
    assert (found["take"], found["share"]) == ("above", 0.1)
    raw = scenarios.load("hs_peak_season").model_dump(mode="json")
    wrong = {**raw["operations"][0], "statement": "SELECT $1", "kind": "read", "parameters": {}}
    with pytest.raises(ConfigurationError, match=r"\$1: each parameter needs its draw"):
        scenarios.parse({**raw, "operations": [wrong, *raw["operations"][1:]]}, "x.yaml")
    drawn = {"type": "int", "value": "1"}
    bare = scenarios.parse(
        {**raw, "operations": [{**wrong, "parameters": {"1": drawn}}, *raw["operations"][1:]]}, "x"
    )
    with pytest.raises(InputError, match="has no values yet"):
        scripts.text(bare, bare.operations[0])


@pytest.mark.server
def test_what_was_asked_is_asked_again_elsewhere(
    store: Store,
    make_database: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Captured from one database, run on another: each statement as often, none fails."""
    first, second = make_database(), make_database()
    for url in (first, second):
        with psycopg.connect(url, autocommit=True) as session:
            session.execute(SCHEMA)  # type: ignore[call-overload]
    monkeypatch.setenv("FIRST_URL", first)
    monkeypatch.setenv("SECOND_URL", second)
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    knobs.current.cache_clear()
    target = Target("first", "FIRST_URL", date(2026, 1, 1))
    monkeypatch.setattr("perf_pipeline.components.catalog.declared_target", lambda _name: target)
    begun = datetime.now(UTC)
    collect(target, store)
    command = ["capture", "--target", "first", "--out", str(tmp_path / "mine.yaml")]
    empty = CliRunner().invoke(cli, command).exception
    assert isinstance(empty, ConfigurationError)
    assert "hourly sums" in str(empty)
    with psycopg.connect(first, autocommit=True) as session:
        for times, text, values in ASKED:
            for number in range(times):
                key = uuid.uuid5(uuid.NAMESPACE_OID, f"{text} {number}")
                made = [key if value == "" else value for value in values]
                session.execute(text, made)
    collect(target, store)
    roll_up(store, "first", begun.date(), datetime.now(UTC).date())
    shown = CliRunner().invoke(cli, [*command, "--json"])
    assert shown.exit_code == 0, (shown.output, shown.exception)
    told = json.loads(shown.output)
    assert told["covered"] == pytest.approx(100 / 111, abs=0.02)
    left = [each["why"].partition(":")[0] for each in told["left_out"] if each["share"] > 0.03]
    assert sorted(left) == [
        "$1 is a new value of code, which has to be unique", "nobody knows what $1 was",
    ]  # fmt: skip
    text = (tmp_path / "mine.yaml").read_text("utf-8")
    raw = yaml.safe_load(text)
    assert {each["name"]: each["weight"] for each in raw["operations"]} == {
        "select_orders_1": 39, "select_orders_2": 21, "update_orders_3": 19,
        "select_orders_4": 11, "insert_orders_5": 10,
    }  # fmt: skip
    # columns, never a value
    assert "it''s" not in text
    assert "a:b" not in text
    few = CliRunner().invoke(cli, [*command, "--reads-only", "--most", "2", "--json"])
    assert json.loads(few.output)["covered"] == pytest.approx(61 / 111, abs=0.02)
    (tmp_path / "mine.yaml").write_text(text, "utf-8")
    result = load.run(
        store,
        Target("second", "SECOND_URL", date(2026, 1, 1)),
        scenarios.load(str(tmp_path / "mine.yaml")),
        Options(users=6000, seconds=1, connections=8, seed=7),
        program=binaries.find().program("pgbench"),
        folder=tmp_path / "load",
    )
    assert result.execution.transactions
    assert (result.execution.failed, result.execution.error_classes) == (0, {})
    counts = dict(result.operations.select("script", "transactions").iter_rows())
    assert set(counts) == {each["name"] for each in raw["operations"]}
    with psycopg.connect(second) as session:
        rows = session.execute(
            "SELECT query, calls, rows FROM pg_stat_statements"
            " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchall()
        (put,) = session.execute("SELECT count(*) FROM shop.orders WHERE id > 2000").fetchone() or (
            0,
        )
        states = session.execute("SELECT count(DISTINCT state) FROM shop.orders WHERE id > 2000")
        both = states.fetchone()
    assert put == counts["insert_orders_5"]
    assert both == (2,) or put < 8
    (asked,) = (row for row in rows if "customer =" in row[0] and row[0].startswith("SELECT *"))
    assert asked[1] == counts["select_orders_1"]
    # a row with these values is there: each found something
    assert asked[2] >= asked[1]
    (many,) = (row for row in rows if "= ANY" in row[0])
    assert many[2] == 3 * many[1]
    with psycopg.connect(second, autocommit=True) as session:
        session.execute("TRUNCATE shop.orders")
        chosen = scenarios.load(str(tmp_path / "mine.yaml"))
        with pytest.raises(ConfigurationError, match=r"shop\.orders has no row"):
            draws.filled(session, chosen)
