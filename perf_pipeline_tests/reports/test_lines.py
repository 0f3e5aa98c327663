"""Charts of several series: well-formed, accessible, and right about what is missing."""

import re
import xml.etree.ElementTree as ElementTree
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.reports import lines, units
from perf_pipeline.reports.lines import Line, Mark

START = datetime(2026, 11, 1)


def over(values: list[float | None], seconds: float = 10) -> list[tuple[datetime, float | None]]:
    return [(START + timedelta(seconds=seconds * n), value) for n, value in enumerate(values)]


def drawn(*series: Line, **more: object) -> str:
    made = lines.over_time(series, show=units.ms, title="a < b", name="n", **more)  # type: ignore[arg-type]
    if made:
        ElementTree.fromstring(made)  # noqa: S314 - our own
    return made


def test_each_line_is_named_and_the_picture_titled() -> None:
    made = drawn(
        Line("p50", over([1.0, 2.0, 3.0])),
        Line("p99 <&>", over([5.0, 6.0, 7.0]), "event", 1.5, dashed=True),
        stretches=[(START, "ramp: 50 users"), (START + timedelta(seconds=10), "steady")],
        marks=[Mark(START, 5.0, "▲")],
        levels=[(4.0, "ROLLING 4.00 ms")],
    )
    for text in ("p50", "p99 &lt;&amp;&gt;", "a &lt; b", "steady", "▲", "ROLLING 4.00 ms"):
        assert text in made
    assert 'role="img" aria-labelledby="n-t"' in made
    assert 'stroke-dasharray="2 4"' in made


def test_nothing_known_is_no_picture() -> None:
    assert drawn() == drawn(Line("p50", over([None, float("nan")]))) == ""


def test_a_gap_breaks_the_line_and_a_point_alone_is_seen() -> None:
    def moves(values: list[float | None]) -> int:
        path = next(
            p for p in re.findall(r'd="(M[^"]+)"', drawn(Line("a", over(values)))) if "L" in p
        )
        return path.count("M")

    assert moves([1.0, 2.0, 3.0, 4.0]) == 1
    assert moves([1.0, 2.0, None, 3.0, 4.0]) == 2
    assert "h0" in drawn(Line("a", over([5.0])))


def test_names_that_lie_together_are_moved_apart() -> None:
    made = drawn(Line("one", over([1.0, 5.0])), Line("two", over([1.0, 5.0])))
    places = re.findall(r'y="([\d.]+)" fill="[^"]+" font-weight="600">(?:one|two)', made)
    assert abs(float(places[0]) - float(places[1])) >= 14


def test_a_standalone_picture_brings_its_card() -> None:
    made = drawn(Line("a", over([1.0, 2.0])), width=720)
    assert made.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert "var(" not in made


@given(
    st.lists(
        st.lists(st.one_of(st.none(), st.floats(), st.floats(0, 1e6)), max_size=12), max_size=4
    ),
    st.booleans(),
)
def test_any_values_are_drawn_inside(series: list[list[float | None]], dots: bool) -> None:
    made = drawn(*(Line(f"l{n}", over(values), dots=dots) for n, values in enumerate(series)))
    assert "nan" not in made
    assert "inf" not in made
    for y in re.findall(r"[ML][\d.]+ (-?[\d.]+)", made):
        assert 0 <= float(y) <= 170


def test_unknown_colours_are_noticed() -> None:
    with pytest.raises(AttributeError):
        drawn(Line("a", over([1.0]), colour="pink"))
