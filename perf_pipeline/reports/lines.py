"""Several series over time as SVG text, with stretches named and points marked. Pure.

It fills any width without distorting its text, and takes its colours from the page or brings a card
of its own. Lines differ by colour, width and dashes, and each is
named at its end: nothing is told by colour alone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median

from perf_pipeline.reports import scales
from perf_pipeline.reports.drawing import (
    FIXED,
    INLINE,
    WIDE,
    Canvas,
    escaped,
    framed,
    number,
    percent,
    viewport,
)

_TOP = 24  # above the plot: names of stretches
_PLOT = 170
_AXIS = 24  # below it: times
_HEIGHT = _TOP + _PLOT + _AXIS
_SHARE = 91  # per cent of the width; the names of lines stand in the rest
#: Names of lines closer than this (pixels) are moved apart.
_APART = 14.0


@dataclass(frozen=True)
class Line:
    """A series; `colour` is an attribute of the palette.

    `values` in the order of time, naive UTC; None breaks the line. `dots` draws points without a
    line between them, `dashed` a broken one.
    """

    name: str
    values: Sequence[tuple[datetime, float | None]]
    colour: str = "old"
    width: float = 2.0
    dashed: bool = False
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """A point that is pointed out with a sign above it."""

    ts: datetime
    value: float
    sign: str


def over_time(
    series: Sequence[Line],
    *,
    show: Callable[[float | None], str],
    title: str,
    name: str,
    stretches: Sequence[tuple[datetime, str]] = (),
    marks: Sequence[Mark] = (),
    levels: Sequence[tuple[float, str]] = (),
    width: int | None = None,
) -> str:
    """Draw series over time.

    Parameters
    ----------
    series : Sequence of Line
        Not finite values are left out. Without any value there is no picture.
    show : callable
        A value in words, for the axis.
    title : str
        For readers who do not see it, with the figures in words.
    name : str
        Prefix of its ids: unique on its page.
    stretches : Sequence of (datetime, str)
        Where each begins, and what it is called.
    marks : Sequence of Mark
    levels : Sequence of (float, str)
        Horizontal lines, with their names.
    width : int, optional
        Pixels of a standalone picture; without, the chart is as wide as its place.

    Returns
    -------
    str
        One `<svg>` element; empty where nothing is known.

    """
    palette = INLINE if width is None else FIXED
    usable = [
        (line, [(ts, v if v is not None and math.isfinite(v) else None) for ts, v in line.values])
        for line in series
    ]
    values = [v for _, points in usable for _, v in points if v is not None]
    if not values:
        return ""
    instants = [ts for _, points in usable for ts, v in points if v is not None]
    known = [level for level, _ in levels if math.isfinite(level)]
    axis = scales.value_axis(values, [*known, max(values)])
    times = scales.time_axis(instants)
    draw = _Drawing(axis, times, palette, _TOP, _PLOT)
    inner = [
        draw.gridlines(),
        *(draw.upright(ts, palette.muted, 1, "2 4") for ts, _ in stretches),
        *(draw.level(level) for level in known),
        *(draw.line(line, points) for line, points in usable),
    ]
    outer = [
        draw.value_labels(show),
        draw.time_labels(),
        draw.stretch_labels(stretches),
        draw.level_labels(levels),
        *(draw.mark(mark) for mark in marks),
    ]
    body = (
        f'<svg x="0" y="0" width="100%" height="{_HEIGHT}" overflow="visible">'
        f"{viewport(''.join(inner), _TOP, _PLOT)}{''.join(outer)}</svg>"
    )
    # the plot ends before the names
    plot = f'<svg width="{_SHARE}%" height="{_HEIGHT}" overflow="visible">{body}</svg>'
    return framed(
        plot + draw.names(usable),
        title=title,
        name=name,
        width=width,
        height=_HEIGHT,
        palette=palette,
    )


@dataclass(frozen=True)
class _Drawing(Canvas):
    def level(self, value: float) -> str:
        path = f"M0 {number(self.y(value))}H{WIDE}"
        return self.stroke(path, self.palette.muted, 1.5, ' stroke-dasharray="7 5"')

    def line(self, line: Line, points: Sequence[tuple[datetime, float | None]]) -> str:
        colour = getattr(self.palette, line.colour)
        known = [(ts, v) for ts, v in points if v is not None]
        if line.dots:
            path = "".join(f"M{number(self.x(ts))} {number(self.y(v))}h0" for ts, v in known)
            return self.stroke(path, colour, 7, ' stroke-linecap="round"')
        gaps = [(b[0] - a[0]).total_seconds() for a, b in pairwise(points)]
        limit = 3 * median(gaps) if gaps else 0.0
        parts: list[str] = []
        before: datetime | None = None
        for ts, value in points:
            if value is None:
                before = None
                continue
            joined = before is not None and (ts - before).total_seconds() <= limit
            parts.append(f"{'L' if joined else 'M'}{number(self.x(ts))} {number(self.y(value))}")
            if not joined:
                parts.append("h0")  # a point alone is a dot
            before = ts
        extra = ' stroke-linejoin="round" stroke-linecap="round"'
        if line.dashed:
            extra += ' stroke-dasharray="2 4"'
        return self.stroke("".join(parts), colour, line.width, extra)

    def value_labels(self, show: Callable[[float | None], str]) -> str:
        return "".join(
            self.label("0", _TOP + self.y(tick) - 4, self.palette.muted, show(tick))
            for tick in self.values.ticks()
            if not (tick == 0 and not self.values.log)
        )

    def stretch_labels(self, stretches: Sequence[tuple[datetime, str]]) -> str:
        """Name the stretches that are wide enough for their name."""
        starts = [self.times.at(ts) for ts, _ in stretches]
        ends = [*starts, 1.0][1:]
        return "".join(
            self.label(percent(start), 14, self.palette.muted, text)
            for (_, text), start, end in zip(stretches, starts, ends, strict=True)
            if end - start > 0.011 * len(text) + 0.01
        )

    def level_labels(self, levels: Sequence[tuple[float, str]]) -> str:
        return "".join(
            self.label(
                "50%", _TOP + self.y(level) - 5, self.palette.muted, text, ' text-anchor="middle"'
            )
            for level, text in levels
            if math.isfinite(level)
        )

    def mark(self, mark: Mark) -> str:
        y = max(12.0, _TOP + self.y(mark.value) - 9)
        extra = ' text-anchor="middle" font-weight="700"'
        place = percent(self.times.at(mark.ts))
        return self.label(place, y, self.palette.new, mark.sign, extra)

    def names(self, series: Sequence[tuple[Line, Sequence[tuple[datetime, float | None]]]]) -> str:
        """Name each line beside its last point, the names moved apart."""
        last = []
        for line, points in series:
            known = [v for _, v in points if v is not None]
            if known and not line.dots:
                last.append((_TOP + self.y(known[-1]) + 4, line))
        last.sort(key=lambda each: each[0])
        parts, y = [], -math.inf
        for wanted, line in last:
            y = max(wanted, y + _APART)
            colour = getattr(self.palette, line.colour)
            parts.append(
                f'<text x="{_SHARE + 1}%" y="{number(y)}" fill="{colour}" font-weight="600">'
                f"{escaped(line.name)}</text>"
            )
        return "".join(parts)
