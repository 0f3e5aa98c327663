"""Charts of any numbers are well-formed, and what they mark is where it should be."""

import math
import re
from datetime import datetime, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perf_pipeline.reports import drawing, scales, svg
from perf_pipeline.reports.model import Band, Chart, Event, Point
from perf_pipeline_tests.reports import samples

instants = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))
numbers = st.floats(allow_nan=True, allow_infinity=True)
points = st.lists(st.builds(Point, instants, numbers, st.integers(0, 2**62)), max_size=30)
bands = st.lists(st.builds(Band, instants, instants, numbers, numbers), max_size=5)
events = st.lists(
    st.builds(Event, instants, st.none() | instants, st.text(max_size=9), st.text(max_size=9)),
    max_size=12,
)


def parse(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - our own text


def draw(chart: Chart, onset: datetime = samples.ONSET, **options: object) -> str:
    settings = {
        "onset": onset,
        "levels": (0.42, 7.7),
        "metric": "mean_exec_time",
        "name": "f1",
        "title": "t",
        "description": "d",
    }
    return svg.time_series(chart, **(settings | options))  # type: ignore[arg-type]


@given(points, bands, events, instants, numbers, numbers, st.booleans())
@example([], [], [], datetime(2026, 1, 1), 0.0, 0.0, True)
@example([Point(datetime(2026, 1, 1), 5e-324)], [], [], datetime(2026, 1, 1), 5e-324, 1e308, False)
@example([Point(datetime(2026, 1, 1), 1e299)], [], [], datetime(2026, 1, 1), -1e299, 1e299, False)
def test_any_numbers_draw_a_well_formed_chart(
    some: list[Point],
    normal: list[Band],
    happened: list[Event],
    onset: datetime,
    old: float,
    new: float,
    alone: bool,
) -> None:
    chart = Chart(tuple(some), tuple(normal), tuple(happened))
    text = draw(chart, onset, levels=(old, new), width=720 if alone else None)
    parse(text)
    shapes = re.sub(r"<text.*?</text>|<title.*?</desc>", "", text, flags=re.DOTALL)
    assert not re.search(r"nan|inf|\de[+-]?\d", shapes)


def test_title_and_description_are_escaped_and_named() -> None:
    text = draw(samples.chart(), title='<script>"', description="a & b\x07")
    assert "<script>" not in text
    root = parse(text)
    assert root.get("aria-labelledby") == "f1-t f1-d"
    assert root[0].text == '<script>"'
    assert root[0].get("id") == "f1-t"
    assert root[1].text == "a & b\N{REPLACEMENT CHARACTER}"


def test_inline_charts_take_the_pages_colours_and_standalone_ones_bring_their_own() -> None:
    inline, alone = draw(samples.chart()), draw(samples.chart(), palette=drawing.FIXED, width=720)
    assert "var(--new)" in inline
    assert "xmlns" not in inline
    assert "var(" not in alone
    assert parse(alone).tag == "{http://www.w3.org/2000/svg}svg"


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_standalone_text_is_legible() -> None:
    fixed = drawing.FIXED
    for colour in (fixed.ink, fixed.muted, fixed.old, fixed.new, fixed.event):
        assert contrast(colour, fixed.card) >= 4.5
    assert contrast(fixed.grid, fixed.card) < 4.5  # the measure tells a faint colour


def test_each_sample_is_one_dot_and_gaps_break_the_line() -> None:
    start = samples.ONSET
    some = [Point(start + timedelta(minutes=m), 1.0) for m in (0, 1, 2, 3, 60, 61)]
    text = draw(Chart(tuple(some)))
    paths = re.findall(r'<path d="([^"]*)"', text)
    dots = next(path for path in paths if "h0" in path)
    line = paths[paths.index(dots) - 1]
    assert dots.count("h0") == 6
    assert (line.count("M"), line.count("L")) == (2, 4)


def test_thinning_keeps_the_weighted_mean_and_the_last_instant() -> None:
    some = [Point(samples.ONSET + timedelta(seconds=i), float(i), i + 1) for i in range(1001)]
    thinned = svg.thin(some, 100)
    assert len(thinned) <= 100
    assert thinned[-1].ts == some[-1].ts
    assert sum(p.calls for p in thinned) == sum(p.calls for p in some)
    total = sum(p.value * p.calls for p in some)
    assert sum(p.value * p.calls for p in thinned) == pytest.approx(total)
    assert svg.thin(reversed(some[:50])) == tuple(some[:50])  # type: ignore[arg-type]
    assert svg.thin([Point(samples.ONSET, math.nan)]) == ()


def test_outliers_are_drawn_at_the_top_and_said() -> None:
    calm = [Point(samples.ONSET + timedelta(minutes=m), 8.0) for m in range(100)]
    wild = [*calm, Point(samples.ONSET + timedelta(minutes=101), 1e6)]
    assert "above the scale" not in draw(Chart(tuple(calm)))
    assert "1 sample above the scale, drawn at its top" in draw(Chart(tuple(wild)))


def test_levels_far_apart_get_a_logarithmic_axis_and_say_so() -> None:
    assert "log scale" not in draw(samples.chart(), levels=(1.0, 20.0))
    assert "log scale" in draw(samples.chart(1, 500), levels=(1.0, 500.0))


def test_the_events_nearest_to_the_onset_are_marked_in_time_order() -> None:
    some = tuple(
        Event(samples.ONSET + timedelta(minutes=m), None, "k", str(m)) for m in range(-200, 200, 20)
    )
    chart = Chart(samples.chart().points, (), some)
    marked = svg.marked_events(chart, samples.ONSET)
    assert [event.what for event in marked] == [str(m) for m in range(-80, 100, 20)]
    outside = Event(samples.ONSET + timedelta(days=9), None, "k", "far")
    assert svg.marked_events(Chart(chart.points, (), (outside,)), samples.ONSET) == ()


@given(st.lists(numbers, max_size=30))
def test_a_sparkline_of_anything_is_well_formed(values: list[float]) -> None:
    text = svg.sparkline(values, '<"&')
    parse(text)
    bars = sum(1 for v in values if math.isfinite(v) and v > 0)
    assert text.count("h3v") == bars


@given(st.lists(numbers, max_size=20), st.lists(numbers, min_size=2, max_size=2))
def test_axes_place_every_value_and_have_ticks(values: list[float], levels: list[float]) -> None:
    axis = scales.value_axis(values, levels)
    assert axis.low < axis.high
    assert all(0 <= axis.at(v) <= 1 for v in values if math.isfinite(v))
    assert 1 <= len(axis.ticks()) <= 11


@given(instants, instants)
def test_time_ticks_are_few_round_and_inside(one: datetime, other: datetime) -> None:
    axis = scales.time_axis([one, other])
    ticks = axis.ticks()
    assert len(ticks) <= 6
    assert all(axis.inside(ts) for ts, _ in ticks)
    assert axis.at(axis.start) == 0
    assert axis.at(axis.end) == 1


def test_time_ticks_read_as_people_write_times() -> None:
    start = datetime(2026, 11, 21, 3)
    labels = [text for _, text in scales.TimeAxis(start, start + timedelta(hours=16)).ticks()]
    assert labels == ["06:00", "12:00", "18:00"]
    days = [text for _, text in scales.TimeAxis(start, start + timedelta(days=7)).ticks()]
    assert days == ["22 Nov", "24 Nov", "26 Nov", "28 Nov"]
    seconds = [text for _, text in scales.TimeAxis(start, start + timedelta(seconds=50)).ticks()]
    assert seconds[1] == "03:00:15"


def test_the_label_of_the_new_level_heeds_the_samples_after_the_onset_only() -> None:
    # an onset so late that samples of the old level stand where the label is drawn
    chart = samples.chart(3_100.0, 88_000.0, step=3600, before=120, after=45)
    picture = svg.time_series(
        chart,
        onset=samples.ONSET,
        levels=(3_100.0, 88_000.0),
        metric="latency_ms",
        name="x",
        title="t",
        description="d",
    )
    before, after = (
        float(found[1])
        for word in ("before 3.10 s", "after 1 min 28 s")
        if (found := re.search(rf'y="([\d.]+)"[^>]*>{word}<', picture))
    )
    assert after < before  # above it: the level is higher
