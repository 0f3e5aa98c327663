"""The page of a comparison: small, safe, the same bytes; and its Markdown and JSON."""

import json
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from perf_pipeline.reports import page as pages
from perf_pipeline.reports.comparison import compute, render
from perf_pipeline.reports.comparison.model import Comparison
from perf_pipeline.reports.model import SchemaChange, SettingChange, Statement, Told
from perf_pipeline_tests.reports import samples
from perf_pipeline_tests.reports.comparison.sides import (
    FRIDAY,
    index,
    side,
    statement,
    table,
    usual,
)
from perf_pipeline_tests.reports.test_render import ALLOWED, Page

SATURDAY = FRIDAY + timedelta(days=1)


def comparison(amount: int = 6, text: str = "SELECT * FROM s.t WHERE id = $1") -> Comparison:
    a = side(
        [statement(n, 1000, 1.0) for n in range(1, amount)],
        tables=[table(1, "s.t", 100), table(2, "s.quiet", 0)],
        indexes=[index(3, "s.i", 5)],
    )
    b = side(
        [statement(n, 1000, 1.0 + n / 10, wal_bytes=9) for n in range(2, amount + 1)],
        start=SATURDAY,
        tables=[table(1, "s.t", 900)],
    )
    frame = compute.statements(a, b, usual(**{f"q{n}": 0.02 for n in range(1, amount - 1)}))
    return Comparison(
        "thorbis",
        "0.1.0",
        a,
        b,
        (compute.total(a), compute.total(b)),
        frame,
        compute.tables(a, b),
        compute.indexes(a, b),
        compute.database(a, b),
        compute.notes(a, b, frame),
        {(n, 10, 5): Statement(n, text=text, text_length=len(text)) for n in range(1, amount)},
        (SchemaChange(SATURDAY, FRIDAY, "index", "s.i", "s.t", "dropped", "CREATE INDEX", None),),
        (SettingChange(SATURDAY, FRIDAY, "work_mem", "4", "8", "MB", False),),
        (Told("deploy", "shop 1.4", SATURDAY, None, "by hand", "cli"),),
        (("a", "SELECT 1"), ("b", "SELECT 2")),
    )


def hostile() -> Comparison:
    text = samples.HOSTILE
    data = comparison(text=text + "<é😀'\"" * 20_000)
    change = SchemaChange(FRIDAY, FRIDAY, text, text, text, text, text * 99, text)
    return replace(
        data,
        target=text,
        code_version=text,
        tables=data.tables.with_columns(name=pl.lit(text)),
        notes=(text,),
        schema_changes=(change,) * 500,
        events=(Told(text, text * 99, FRIDAY, SATURDAY, text * 99, text),) * 200,
        queries=(("a", text),),
    )


CASES = {"usual": comparison, "hostile": hostile, "huge": lambda: comparison(5_000, "x" * 100_000)}


@pytest.fixture(scope="module", params=CASES)
def data(request: pytest.FixtureRequest) -> Comparison:
    return CASES[request.param]()


def test_the_page_is_small_safe_and_the_same_bytes(data: Comparison) -> None:
    html = render.html(data)
    assert len(html.encode()) < pages.MAX_BYTES
    assert html == render.html(data)
    found = Page(html)
    assert set(found.tags) <= ALLOWED
    assert not [name for _, name, _ in found.attributes if name.startswith("on")]
    assert all(value.startswith("#") for value in found.values("href"))
    assert found.values("src") == []
    assert len(found.ids) == len(set(found.ids))
    wanted = [value[1:] for value in found.values("href")] + found.values("aria-labelledby")
    assert set(wanted) <= set(found.ids)
    assert found.tags.count("caption") == found.tags.count("table")
    assert pages.content_hash(html) in html
    assert "\u202e" not in html


def test_the_page_says_what_differs() -> None:
    html = render.html(comparison())
    assert "2026-11-21 against 2026-11-20" in html
    assert "new: no call in the first interval" in html
    assert "gone: no call in the second interval" in html
    assert "beyond usual variation (up to" in html
    assert "not known: no baseline" in html
    assert "One side is a weekend day" in html
    assert "s.quiet" not in html  # nothing read or written
    assert "CREATE INDEX" in html
    assert "work_mem" in html
    assert "deploy <code>shop 1.4</code>" in html


def test_what_is_cut_is_said() -> None:
    html = render.html(comparison(5_000, "x" * 5_000))
    assert "of 5,000" in html


def test_equal_sides_differ_in_nothing() -> None:
    base = comparison()
    frame = compute.statements(base.a, base.a, usual(q1=0.1))
    same = replace(base, b=base.a, totals=(base.totals[0],) * 2, statements=frame)
    assert "no statement differs in its time per call beyond its usual variation" in render.html(
        same
    )


def test_markdown_is_short_and_its_table_whole(data: Comparison) -> None:
    text = render.markdown(data)
    assert len(text) < 20_000
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert 2 <= len(rows) <= render.MARKDOWN_ROWS + 1
    assert "<script>" not in text.replace("`<script>", "")


def test_json_holds_every_statement(data: Comparison) -> None:
    found = json.loads(json.dumps(render.as_dict(data), default=str))
    assert len(found["statements"]) == data.statements.height
    assert found["a"]["covered_seconds"] == 86_400.0
