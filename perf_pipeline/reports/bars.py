"""A bar a day as SVG text, with the days on which something was found marked. Pure.

It fills any width without distorting its text, as the charts of `svg` do, and takes its colours
from the page or brings a card of its own.
"""

import html
import math
from collections.abc import Sequence
from datetime import date

from perf_pipeline.reports import scales, units
from perf_pipeline.reports.svg import FIXED, INLINE, Palette

_TOP = 22  # above the bars: marks
_PLOT = 120
_AXIS = 22  # below them: days
_HEIGHT = _TOP + _PLOT + _AXIS
_WIDE = 1000  # inner units across
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
    step = _WIDE / max(1, len(values))
    bars, missing = [], []
    for index, (_, value) in enumerate(values):
        left = step * (index + _GAP / 2)
        span = step * (1 - _GAP)
        if value is None or not math.isfinite(value) or value < 0:
            missing.append(f"M{_n(left)} {_PLOT - 1}h{_n(span)}")
        else:
            top = _PLOT * (1 - axis.at(value))
            bars.append(f"M{_n(left)} {_PLOT}V{_n(top)}h{_n(span)}V{_PLOT}z")
    hair = 'fill="none" stroke-width="1" vector-effect="non-scaling-stroke"'
    inner = (
        f'<path d="M0 {_PLOT - 0.5}H{_WIDE}" stroke="{palette.grid}" {hair}/>'
        f'<path d="{"".join(bars)}" fill="{palette.dot}"/>'
        f'<path d="{"".join(missing)}" stroke="{palette.event}" stroke-dasharray="3 3" {hair}/>'
    )
    plot = (
        f'<svg x="0" y="{_TOP}" width="100%" height="{_PLOT}" viewBox="0 0 {_WIDE} {_PLOT}"'
        f' preserveAspectRatio="none">{inner}</svg>'
    )
    return _framed(plot + _labels(values, marks, palette), title, name, width, palette)


def _labels(
    values: Sequence[tuple[date, float | None]],
    marks: Sequence[int],
    palette: Palette,
) -> str:
    parts = []
    every = max(1, math.ceil(len(values) / _LABELS))
    for index, (day, _) in enumerate(values):
        place = f"{_n(100 * (index + 0.5) / len(values))}%"
        if index % every == 0:
            text = f"{day.day} {day:%b}"
            parts.append(_text(place, _TOP + _PLOT + 16, text, palette.muted, palette))
        if index < len(marks) and marks[index]:
            parts.append(_text(place, 14, f"▲ {marks[index]}", palette.new, palette))
    return "".join(parts)


def _text(x: str, y: float, text: str, colour: str, palette: Palette) -> str:
    return (
        f'<text x="{x}" y="{_n(y)}" fill="{colour}" stroke="{palette.card}" stroke-width="3"'
        f' paint-order="stroke" text-anchor="middle">{html.escape(units.clean(text))}</text>'
    )


def _framed(body: str, title: str, name: str, width: int | None, palette: Palette) -> str:
    font = 'font-family="system-ui,-apple-system,\'Segoe UI\',sans-serif" font-size="12"'
    named = f'role="img" aria-labelledby="{name}-t"'
    head = f'<title id="{name}-t">{html.escape(units.clean(title))}</title>'
    if width is None:
        opened = f'<svg class="chart" {named} width="100%" height="{_HEIGHT}" {font}>'
        return f"{opened}{head}{body}</svg>"
    pad = 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {named} width="{width}"'
        f' height="{_HEIGHT + 2 * pad}" {font}>{head}'
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{_HEIGHT + 2 * pad - 1}" rx="8"'
        f' fill="{palette.card}" stroke="{palette.grid}"/>'
        f'<svg x="{pad}" y="{pad}" width="{width - 2 * pad}" height="{_HEIGHT}">{body}</svg></svg>'
    )


def _n(value: float) -> str:
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
