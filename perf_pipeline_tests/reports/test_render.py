"""The page: well-formed, self-contained, small, the same bytes, and nothing in it can act."""

import base64
import hashlib
import random
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from perf_pipeline.reports import page as pages
from perf_pipeline.reports import render
from perf_pipeline.reports.model import Chart, ReportData
from perf_pipeline_tests.reports import samples

CASES = {
    "rich": samples.rich,
    "hostile": samples.hostile,
    "many": samples.many,
    "empty": samples.empty,
    "one sample": lambda: replace(
        samples.rich(),
        findings=(samples.finding(chart=Chart(samples.chart().points[-1:])),),
    ),
    "no samples": lambda: replace(samples.rich(), findings=(samples.finding(chart=Chart(())),)),
}
HEADINGS = {"h1", "h2", "h3", "h4"}
VOID = {"meta", "br", "img", "link", "input", "hr"}
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "a", "div", "header", "p", "h1", "h2"),
    *("h3", "h4", "dl", "dt", "dd", "small", "nav", "ul", "ol", "li", "main", "section", "article"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "span", "code", "pre", "details"),
    *(
        "summary",
        "figure",
        "figcaption",
        "svg",
        "desc",
        "path",
        "text",
        "rect",
        "i",
        "strong",
        "footer",
    ),
}


class Page(HTMLParser):
    """Checks nesting while it reads; collects what the tests look at."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, *names: str) -> list[str]:
        return [value for _, name, value in self.attributes if name in names]


def test_the_nesting_check_can_fail() -> None:
    with pytest.raises(AssertionError):
        Page("<p><b></p></b>")


@pytest.fixture(scope="module", params=CASES)
def data(request: pytest.FixtureRequest) -> ReportData:
    return CASES[request.param]()


@pytest.fixture(scope="module")
def report(data: ReportData) -> render.Report:
    return render.render(data)


@pytest.fixture(scope="module")
def page(report: render.Report) -> Page:
    return Page(report.html)


def test_the_page_has_only_the_elements_we_use_and_no_handlers(page: Page) -> None:
    assert set(page.tags) <= ALLOWED
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_nothing_is_loaded(page: Page, report: render.Report) -> None:
    assert page.values("src", "srcset", "action", "data", "poster", "xlink:href") == []
    assert all(value.startswith("#") for value in page.values("href"))
    style = re.search(r"<style>(.*?)</style>", report.html, re.DOTALL)
    assert style is not None
    assert not re.search(r"url\(|@import|https?:|&", style[1])
    assert "default-src 'none'" in page.values("content")[-1]


def test_ids_are_unique_and_every_reference_has_its_target(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    wanted = [value[1:] for value in page.values("href")]
    for value in page.values("aria-labelledby"):
        wanted += value.split()
    assert set(wanted) <= set(page.ids)


def test_the_page_is_small_and_its_hash_is_its_own(report: render.Report) -> None:
    assert len(report.html.encode()) < pages.MAX_BYTES
    place = f'<code id="content-hash">{report.content_hash}</code>'
    assert report.html.count(place) == 1
    blank = report.html.replace(place, place.replace(report.content_hash, "0" * 64))
    assert hashlib.sha256(blank.encode()).hexdigest() == report.content_hash
    assert pages.content_hash(report.html) == report.content_hash
    assert pages.content_hash(report.html.replace("Findings", "findings", 1)) != report.content_hash


def test_tables_have_headers_and_pictures_have_names(page: Page) -> None:
    pictures = [value for _, name, value in page.attributes if (name, value) == ("role", "img")]
    charts = page.values("class").count("chart") + page.values("class").count("spark")
    assert len(pictures) == charts
    tables = page.tags.count("table")
    assert tables >= 1
    assert page.values("scope").count("row") >= tables


def test_same_input_same_bytes_in_any_order(data: ReportData, report: render.Report) -> None:
    assert render.render(data) == report
    findings = list(data.findings)
    random.Random(9).shuffle(findings)
    assert render.render(replace(data, findings=tuple(findings))) == report


def test_the_markdown_is_short_and_its_picture_is_an_image(report: render.Report) -> None:
    assert len(report.markdown) < 40_000
    rows = [line for line in report.markdown.splitlines() if line.startswith("| ")]
    assert len(rows) <= 1 + render.MARKDOWN_ROWS
    for line in rows:
        assert len(re.findall(r"(?<!\\)\|", line)) == 7
    for encoded in re.findall(r"data:image/svg\+xml;base64,([^)]*)\)", report.markdown):
        root = ElementTree.fromstring(base64.b64decode(encoded))  # noqa: S314 - our own text
        assert root.get("width") == "720"


def test_hostile_text_is_shown_and_does_nothing() -> None:
    report = render.render(samples.hostile())
    page = Page(report.html)
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert '<script>alert("x")</script>' in page.text
    assert "\u202e" not in report.html + report.markdown
    assert "\x07" not in report.html
    # a code span ends at as many backticks as began it; an escaped one begins none
    outside = re.sub(r"(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", "", report.markdown)
    assert "``" in report.markdown
    assert "<script>" not in outside
    assert not re.search(r"(?<!\\)\]\(http", outside)


def test_many_findings_are_cut_and_it_is_said() -> None:
    report = render.render(samples.many(200))
    assert report.findings == 200
    assert report.html.count('<svg class="chart"') == render.MAX_CHARTS
    assert "Details are shown for the first 40 of 200 findings" in report.html
    assert "… and 180 more findings in the full report." in report.markdown
    assert report.html.count('<tr><td class="wide"><span class="badge') == 200


def test_a_page_that_is_still_too_large_is_cut_further(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = render.render(samples.many(200))
    monkeypatch.setattr(pages, "MAX_BYTES", len(whole.html.encode()))
    less = render.render(samples.many(200))
    assert len(less.html.encode()) < pages.MAX_BYTES
    assert less.html.count('<svg class="chart"') == 6
    assert "Details are shown for the first 20 of 200 findings" in less.html


def test_a_long_statement_is_cut_and_the_rest_counted() -> None:
    text = "SELECT '" + "é" * 100_000 + "'"
    statement = replace(samples.finding().statement, text=text, text_length=len(text))
    report = render.render(
        replace(samples.rich(), findings=(samples.finding(statement=statement),))
    )
    left = re.search(r"([\d,]+) characters more; the whole text is in ledger", report.html)
    assert left is not None
    shown = re.search(r"<code>(SELECT &#39;é+) …</code></pre>", report.html)
    assert shown is not None
    assert int(left[1].replace(",", "")) == len(text) - len(unescape(shown[1]))


def test_cut_keeps_within_its_bytes() -> None:
    for text in ("plain", "<" * 500, "😀" * 500, "", None, "a\x00b"):
        shown = pages.cut(text, 100)
        assert len(shown.replace("<", "&lt;").encode()) <= 100 + len(" …".encode())
    assert pages.cut("plain", 100) == "plain"
    assert pages.cut("<" * 500, 100).endswith(" …")


def test_what_could_not_be_judged_is_said() -> None:
    html = render.render(samples.rich()).html
    assert "37 statements of 412, 2.1 % of the day" in html
    assert "s execution time, could not be judged" in html
    assert "no baseline yet" in html
    assert "No verdict for thorbis" in render.render(samples.empty()).html


def test_generated_history_is_called_generated() -> None:
    data = samples.rich()
    assert "generated example history" not in render.render(data).html
    coverage = replace(data.coverage, sources=(("generated", 24),))
    assert "generated example history" in render.render(replace(data, coverage=coverage)).html


def test_service_levels_are_judged_at_their_limits() -> None:
    data = samples.rich()
    bad = replace(
        data, sla=replace(data.sla, p95_ms=100.0, cache_hit_ratio=0.9, connection_ms=None)
    )
    html = render.render(bad).html
    assert html.count("✗ broken") == 2
    assert html.count("not measured") == 1
    assert render.render(data).html.count("✓ kept") == 3


def test_a_findings_evidence_is_shown() -> None:
    html = render.render(samples.rich()).html
    assert "What the execution time of a call consists of" in html
    assert "+2 h 7 min a day from the time per call, +6 min 40 s from the number of calls" in html
    assert "Not known, because the server does not tell it on both sides: temporary blocks" in html


def test_what_a_finding_costs_is_told_as_a_share_of_the_day() -> None:
    data = samples.rich()
    finding = data.findings[0]
    whole = data.total_ms / data.coverage.exact_seconds * 86_400
    share = render.share_of_day(finding, data)
    assert share == pytest.approx(finding.added_ms_per_day / whole)
    assert "of all execution time" in render.render(data).html
    nothing = replace(data, coverage=replace(data.coverage, exact_seconds=0.0))
    assert render.share_of_day(finding, nothing) is None
    assert "of all execution time" not in render.render(nothing).html


def acknowledged(data: ReportData, *ids: str) -> ReportData:
    return replace(
        data,
        findings=tuple(
            replace(f, evidence=samples.ACKNOWLEDGED) if f.finding_id in ids else f
            for f in data.findings
        ),
    )


def test_acknowledged_findings_stand_apart_and_count_in_no_alarm() -> None:
    data = samples.rich()
    report = render.render(acknowledged(data, "f0001"))
    assert report.regressions == 2
    assert "2 regression warnings, 1 more acknowledged, in thorbis" in report.html
    known = report.html.split('<h2 id="known">')[1].split("<h2")[0]
    assert "by ann, 13:00:00 UTC: known, the index comes back tonight" in known
    assert known.count("<article") == 1
    assert "2 incidents, 1 acknowledged" in report.html
    every = render.render(acknowledged(data, "f0001", "f0002", "f0003"))
    assert every.regressions == 0
    assert "Nothing new in thorbis on 2026-11-21: 3 acknowledged regressions" in every.html
    assert '<h2 id="incidents">' not in every.html


def test_what_people_said_is_expected_or_false_is_listed_though_not_told() -> None:
    html = render.render(samples.rich()).html
    assert "SELECT expected" in html
    assert "<strong>expected</strong> by bob" in html
    assert "the new search is dearer" in html
    quiet = replace(samples.rich(), findings=(), verdicts=())
    assert 'id="known"' not in render.render(quiet).html


def test_the_statements_of_an_incident_are_folded_but_for_the_first() -> None:
    html = render.render(samples.rich()).html
    assert html.count('<details class="finding"') == 1
    assert html.count('<section class="finding"') == 2


def test_how_small_a_rise_would_be_seen_is_said() -> None:
    html = render.render(samples.rich()).html
    assert "of 20 % would be seen in statements with 81 % of the execution time" in html
    assert "below +42 %" in html
    assert "too few samples" in html
    assert "How small a rise" not in render.render(replace(samples.rich(), sensitivity=None)).html


def test_huge_inputs_stay_small() -> None:
    data = samples.many(300)
    text = "SELECT '" + samples.HOSTILE + "é" * 100_000
    findings = tuple(
        replace(
            f,
            statement=replace(f.statement, text=text, text_length=len(text)),
            evidence=samples.ACKNOWLEDGED if n % 5 == 0 else f.evidence,
        )
        for n, f in enumerate(data.findings)
    )
    judged = replace(data.judgement, statements=5_000, unjudged=4_000)
    report = render.render(replace(data, findings=findings, judgement=judged))
    assert len(report.html.encode()) < pages.MAX_BYTES
    assert len(report.markdown) < 40_000
    assert "4,000 statements of 5,000" in report.html
    assert set(Page(report.html).tags) <= ALLOWED


def test_headings_descend_by_one_level() -> None:
    for made in (samples.rich(), samples.hostile(), samples.empty()):
        levels = [int(tag[1]) for tag in Page(render.render(made).html).tags if tag in HEADINGS]
        assert levels[0] == 1
        assert all(b <= a + 1 for a, b in pairwise(levels))


def test_every_table_has_a_name() -> None:
    page = Page(render.render(samples.rich()).html)
    facts = page.values("class").count("facts")
    assert page.tags.count("caption") + facts == page.tags.count("table")
    assert page.values("aria-label").count("") == 0


@pytest.mark.parametrize(
    ("why", "causes", "said"),
    [
        ("database", (), "The database as a whole changed, 1 statement within an hour</h3>"),
        ("database", None, "within an hour: index hs.idx_work_orders_business_status dropped by"),
        ("unstable", (), "An unstable statement: its time per call flips between levels"),
        ("finding", (), "Cause unknown</h3>"),
        ("cause", None, ">index hs.idx_work_orders_business_status dropped by 12:04:09</h3>"),
    ],
)
def test_an_incident_says_what_it_is(why: str, causes: tuple[()] | None, said: str) -> None:
    finding = samples.finding(1, evidence=samples.EVIDENCE | {"incident": {"why": why}})
    finding = finding if causes is None else replace(finding, causes=causes)
    assert said in render.render(replace(samples.rich(), findings=(finding,))).html
