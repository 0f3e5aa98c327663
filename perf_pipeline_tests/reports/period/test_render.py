"""The page of a week or a month: small, safe, the same bytes."""

import base64
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

import pytest

from perf_pipeline.reports import bars
from perf_pipeline.reports import page as pages
from perf_pipeline.reports.model import Statement
from perf_pipeline.reports.period import MONTHLY, WEEKLY, render
from perf_pipeline.reports.period.model import (
    Calibration,
    Cost,
    Day,
    Growth,
    LoadTest,
    Outcome,
    PeriodData,
    Trend,
    of,
)
from perf_pipeline_tests.reports import samples
from perf_pipeline_tests.reports.comparison import test_render as comparisons
from perf_pipeline_tests.reports.test_render import ALLOWED, Page

WEEK, MONTH = of(WEEKLY, samples.DAY), of(MONTHLY, samples.DAY)


def rich(kind: str = WEEKLY, text: str = samples.TEXT, amount: int = 5) -> PeriodData:
    period = of(kind, samples.DAY)
    days = tuple(
        Day(
            day,
            412,
            1_000_000 + n,
            9_000_000.0 + 100_000 * n,
            12.4 if n else 130.0,
            0.99,
            3.0,
            2_000,
            1,
            0,
            4_000_000_000 + n * 10_000_000,
            288,
            86_000.0,
            judged=True,
            found=n % 3,
        )
        for n, day in enumerate(period.days[:-1])
    )
    states = ("open", "resolved", "not called")
    outcomes = tuple(
        Outcome(
            samples.finding(n, statement=Statement(n, text=text), chart=None),
            period.first - timedelta(days=n % 2),
            n % 2 == 0,
            states[n % 3],
            None if n % 3 == 2 else 2.5,
        )
        for n in range(amount)
    )
    return PeriodData(
        "thorbis",
        period,
        "0.1.0",
        (*days, Day(period.last)),
        outcomes,
        (samples.finding(9, "improvement", direction="down", relative_change=-0.5),),
        tuple(Cost(Statement(n, text=text), 10, 1e6 / (n + 1), 0.4, (1.0, 0.0)) for n in range(5)),
        9e6,
        412,
        comparisons.comparison(text=text),
        "",
        (Growth("hs.work_orders", 8192, 16_384, 100),),
        Trend(10_000_000.0, 6, 400.0),
        Trend(100_000.0, 6, 90.0),
        "collected",
        Calibration(samples.DAY, (0.4, 0.1, 0.9), ((1.5, 0.93), (2.0, 1.0))),
        (
            LoadTest(
                "hs_peak", "1", "LOAD", "staging", 4, 1, 1, "REGRESSED", (9.0, 18.0), (90, 80)
            ),
            LoadTest("quiet", "1", "LOAD", "staging", 1, 0, 1, None, (None, None), (None, None)),
        ),
        (("statements", "SELECT 1"), ("findings", "SELECT 2"), ("database", "SELECT 3")),
    )


def empty(kind: str = WEEKLY) -> PeriodData:
    period = of(kind, samples.DAY)
    days = tuple(Day(day) for day in period.days)
    return PeriodData("thorbis", period, "0.1.0", days, alone="nothing is known of it")


def hostile() -> PeriodData:
    text = samples.HOSTILE
    return replace(
        rich(text=text + "<é😀'\"" * 20_000, amount=300),
        target=text,
        code_version=text,
        growth=(Growth(text * 99, 0, 1, None),),
        load_tests=(LoadTest(*([text] * 4), 1, 1, 1, text, (None, 1.0), (1.0, None)),) * 50,
        queries=(("statements", text),),
        comparison=comparisons.hostile(),
    )


CASES = {
    "week": rich,
    "month": lambda: rich(MONTHLY),
    "many": lambda: rich(MONTHLY, "x" * 100_000, 3_000),
    "empty": empty,
    "hostile": hostile,
}


@pytest.fixture(scope="module", params=CASES)
def data(request: pytest.FixtureRequest) -> PeriodData:
    return CASES[request.param]()


def test_the_page_is_small_safe_and_the_same_bytes(data: PeriodData) -> None:
    report = render.render(data)
    assert report == render.render(data)
    assert len(report.html.encode()) < pages.MAX_BYTES
    page = Page(report.html)
    assert set(page.tags) <= ALLOWED
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert all(value.startswith("#") for value in page.values("href"))
    assert page.values("src") == []
    assert len(page.ids) == len(set(page.ids))
    wanted = [value[1:] for value in page.values("href")]
    wanted += [part for value in page.values("aria-labelledby") for part in value.split()]
    assert set(wanted) <= set(page.ids)
    assert page.tags.count("caption") == page.tags.count("table")
    assert pages.content_hash(report.html) == report.content_hash
    assert "\u202e" not in report.html + report.markdown


def test_the_markdown_is_short_and_its_picture_an_image(data: PeriodData) -> None:
    text = render.render(data).markdown
    assert len(text) < 30_000
    for line in text.splitlines():
        if line.startswith("!["):
            encoded = line.split("base64,")[1].rstrip(")")
            ElementTree.fromstring(base64.b64decode(encoded))  # noqa: S314 - our own text


def test_a_week_says_what_became_of_its_regressions() -> None:
    report = render.render(rich())
    assert (report.found, report.resolved, report.open) == (3, 2, 2)
    assert "3 regressions found, 2 resolved, 2 open at the end" in report.html
    assert "execution time +" in report.html
    assert "against the week before" in report.html
    assert "✗ broken on 1 day" in report.html
    assert "5 of 6" in report.html
    assert "doubled in 90 days" in report.html
    assert "not judged" in report.html
    assert "hs.work_orders" in report.html
    assert "0.400 false alarms per 1,000 statements and days (95 % interval 0.100 to" in report.html
    assert "finds 93 % of those 1.50\N{MULTIPLICATION SIGN}, 100 % of those" in report.html
    assert "9.00 ms → 18.0 ms" in report.html
    assert "not judged" in report.html
    assert "false alarms per" not in render.render(replace(rich(), calibration=None)).html
    unclear = replace(rich(), size_trend=Trend(10_000_000.0, 6, 400.0, clear=False))
    assert "no clear trend over 6 days" in render.render(unclear).html
    steady = replace(rich(), size_trend=Trend(1.0, 6, 400.0))
    assert "steady over 6 days" in render.render(steady).html


def test_what_people_said_is_counted_apart() -> None:
    data = rich()
    words = ("expected", "false", "acknowledged", "", "")
    outcomes = tuple(replace(o, said=w) for o, w in zip(data.outcomes, words, strict=True))
    report = render.render(replace(data, outcomes=outcomes))
    assert (report.found, report.resolved, report.open) == (2, 1, 1)
    assert "1 open at the end, 2 expected or false" in report.html
    assert "false alarm" in report.html
    nothing = replace(data, outcomes=outcomes[:2])
    assert "no regression found, none was open, 2 expected or false" in render.render(nothing).html


def test_a_quiet_week_says_what_was_looked_at() -> None:
    html = render.render(replace(rich(), outcomes=(), improvements=())).html
    assert "no regression found, none was open" in html
    assert "6 of 7 days were judged, 412 statements ran" in html


def test_what_is_not_known_is_not_called_quiet() -> None:
    html = render.render(empty()).html
    assert "Nothing is known of thorbis" in html
    assert "None was found" not in html
    days = tuple(replace(day, judged=False) for day in rich().days)
    unjudged = render.render(replace(rich(), days=days, outcomes=(), improvements=()))
    assert "No verdict for thorbis" in unjudged.html
    assert "No comparison: nothing is known of it" in html


@pytest.mark.parametrize("width", [None, 720])
def test_bars_are_drawn_for_known_days_and_marked_where_something_was_found(
    width: int | None,
) -> None:
    days = [
        (day, None if n == 2 else float("inf") if n == 3 else 5.0 * n)
        for n, day in enumerate(WEEK.days)
    ]
    picture = bars.days(days, [0, 2, 0, 0, 0, 0, 0], "a < b", "x", width)
    root = ElementTree.fromstring(picture)  # noqa: S314 - our own text
    assert picture.count("▲ 2") == 1
    assert "a &lt; b" in picture
    assert root.get("role") == "img"
    foot = [p for p in root.iter() if p.get("stroke-dasharray")]
    assert foot[0].get("d", "").count("M") == 2
    nothing = bars.days([(day, None) for day in WEEK.days], [], "nothing", "x", width)
    ElementTree.fromstring(nothing)  # noqa: S314 - our own text
