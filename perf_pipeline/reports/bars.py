"""A bar a day as SVG text, with the days on which something was found marked. Pure.

It fills any width without distorting its text, and takes its colours from the page or brings a card
of its own.
"""

import math
from collections.abc import Sequence
from datetime import date

from perf_pipeline.reports import scales
from perf_pipeline.reports.drawing import (
    FIXED,
    INLINE,
    WIDE,
    Palette,
    escaped,
    framed,
    number,
    viewport,
)

_TOP = 22  # above the bars: marks
_PLOT = 120
_AXIS = 22  # below them: days
_HEIGHT = _TOP + _PLOT + _AXIS
_GAP = 0.18  # of a bar's place
#: Days named below the bars, at most.
_LABELS = 8


def days(
    values: Sequence[tuple[date, float | None]],
    marks: Sequence[int],
    title: str,
    name: str,
    width: int | None = None,
) -> str:
    """Draw one bar for each day.

    Parameters
    ----------
    values : Sequence of (date, float or None)
        In ms, in the order of time; what is None or not finite has no bar but a dashed foot.
    marks : Sequence of int
        How many things were found on each day; 0 draws no mark.
    title : str
        For readers who do not see it, with the figures in words.
    name : str
        Prefix of its ids: unique on its page.
    width : int, optional
        Pixels of a standalone picture; without, the chart is as wide as its place.

    Returns
    -------
    str
        One `<svg>` element.

    """
    palette = INLINE if width is None else FIXED
    known = [v for _, v in values if v is not None and math.isfinite(v) and v >= 0]
    axis = scales.Axis(0.0, max(known, default=0.0) * 1.05 or 1.0)
    step = WIDE / max(1, len(values))
    bars, missing = [], []
    for index, (_, value) in enumerate(values):
        left = step * (index + _GAP / 2)
        span = step * (1 - _GAP)
        if value is None or not math.isfinite(value) or value < 0:
            missing.append(f"M{number(left)} {_PLOT - 1}h{number(span)}")
        else:
            top = _PLOT * (1 - axis.at(value))
            bars.append(f"M{number(left)} {_PLOT}V{number(top)}h{number(span)}V{_PLOT}z")
    hair = 'fill="none" stroke-width="1" vector-effect="non-scaling-stroke"'
    inner = (
        f'<path d="M0 {_PLOT - 0.5}H{WIDE}" stroke="{palette.grid}" {hair}/>'
        f'<path d="{"".join(bars)}" fill="{palette.dot}"/>'
        f'<path d="{"".join(missing)}" stroke="{palette.event}" stroke-dasharray="3 3" {hair}/>'
    )
    return framed(
        viewport(inner, _TOP, _PLOT) + _labels(values, marks, palette),
        title=title,
        name=name,
        width=width,
        height=_HEIGHT,
        palette=palette,
    )


def _labels(
    values: Sequence[tuple[date, float | None]],
    marks: Sequence[int],
    palette: Palette,
) -> str:
    parts = []
    every = max(1, math.ceil(len(values) / _LABELS))
    for index, (day, _) in enumerate(values):
        place = f"{number(100 * (index + 0.5) / len(values))}%"
        if index % every == 0:
            text = f"{day.day} {day:%b}"
            parts.append(_label(place, _TOP + _PLOT + 16, text, palette.muted, palette))
        if index < len(marks) and marks[index]:
            parts.append(_label(place, 14, f"▲ {marks[index]}", palette.new, palette))
    return "".join(parts)


def _label(x: str, y: float, text: str, colour: str, palette: Palette) -> str:
    return (
        f'<text x="{x}" y="{number(y)}" fill="{colour}" stroke="{palette.card}" stroke-width="3"'
        f' paint-order="stroke" text-anchor="middle">{escaped(text)}</text>'
    )
