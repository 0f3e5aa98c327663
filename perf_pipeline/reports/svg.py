"""Charts as SVG text: a series around an onset, and a sparkline. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from statistics import median

from perf_pipeline.reports import scales, units, words
from perf_pipeline.reports.drawing import (
    INLINE,
    Canvas,
    Palette,
    anchor,
    escaped,
    framed,
    number,
    percent,
    viewport,
)
from perf_pipeline.reports.model import Chart, Event, Point

#: More samples than this are merged with their neighbours, weighted by calls.
MAX_POINTS = 360
#: Event markers of a chart; the nearest to the onset stay.
MAX_EVENTS = 9

_LANE = 40  # above the plot: onset and event markers
_PLOT = 168
_AXIS = 24  # below it: times
_HEIGHT = _LANE + _PLOT + _AXIS
_LEVEL = ' font-weight="600" text-anchor="end"'


_BY_TIME = attrgetter("ts", "value")
_BY_START = attrgetter("start", "end")


def thin(points: Sequence[Point], limit: int = MAX_POINTS) -> tuple[Point, ...]:
    """Return at most `limit` points: neighbours merged, their values weighted by calls.

    Parameters
    ----------
    points : Sequence of Point
        In any order; those with a value that is not finite are left out.
    limit : int

    Returns
    -------
    tuple of Point
        Sorted by time; a merged point stands at the time of its last.

    """
    usable = sorted(
        (point for point in points if math.isfinite(point.value) and abs(point.value) < 1e300),
        key=_BY_TIME,
    )
    if len(usable) <= limit:
        return tuple(usable)
    size = math.ceil(len(usable) / limit)
    merged = []
    for start in range(0, len(usable), size):
        group = usable[start : start + size]
        weights = [max(point.calls, 1) for point in group]
        total = math.fsum(p.value * w for p, w in zip(group, weights, strict=True))
        merged.append(
            Point(group[-1].ts, total / sum(weights), sum(point.calls for point in group))
        )
    return tuple(merged)


def marked_events(chart: Chart, onset: datetime) -> tuple[Event, ...]:
    """Return the events a chart marks, in the order it numbers them: nearest to the onset."""
    if not chart.events:
        return ()
    times = _times(thin(chart.points), onset)
    inside = (event for event in chart.events if times.inside(event.ts))
    near = sorted(inside, key=lambda e: (abs(e.ts - onset), e.kind, e.what))[:MAX_EVENTS]
    return tuple(sorted(near, key=lambda e: (e.ts, e.kind, e.what)))


def _times(points: Sequence[Point], onset: datetime) -> scales.TimeAxis:
    return scales.time_axis([onset, *(point.ts for point in points)])


def time_series(
    chart: Chart,
    *,
    onset: datetime,
    levels: tuple[float, float],
    metric: str,
    name: str,
    title: str,
    description: str,
    palette: Palette = INLINE,
    width: int | None = None,
) -> str:
    """Draw a series around its onset: samples, old and new level, what was normal, events.

    Parameters
    ----------
    chart : Chart
        Points, bands and events; any of them may be empty.
    onset : datetime
        First sample of the new level.
    levels : tuple of float
        Old and new level.
    metric : str
        Decides the unit on the axis.
    name : str
        Prefix of the ids of title and description: unique in its page.
    title, description : str
        For readers who do not see the picture.
    palette : Palette
    width : int, optional
        Pixels of a standalone picture; without, the chart is as wide as its place.

    Returns
    -------
    str
        One `<svg>` element.

    """
    points = thin(chart.points)
    old, new = levels
    values = scales.value_axis([point.value for point in points], [old, new])
    times = _times(points, onset)
    draw = _Drawing(values, times, palette, _LANE, _PLOT, metric)
    shown = marked_events(chart, onset)
    hidden = sum(point.value > values.high for point in points)
    inner = [
        draw.bands(chart),
        draw.gridlines(),
        draw.upright(onset, palette.new, 1.5, "5 4"),
        *(draw.upright(event.ts, palette.event, 1.5, "1 4") for event in shown),
        draw.samples(points),
        draw.level(old, times.start, onset, palette.old),
        draw.level(new, onset, times.end, palette.new),
    ]
    outer = [
        draw.value_labels(),
        draw.time_labels(),
        draw.level_labels(old, new, onset, points),
        draw.onset_label(onset),
        draw.markers(shown),
        draw.notes(values.log, hidden, rising=new >= old),
    ]
    return framed(
        viewport("".join(inner), _LANE, _PLOT) + "".join(outer),
        title=title,
        name=name,
        width=width,
        height=_HEIGHT,
        palette=palette,
        description=description,
    )


@dataclass(frozen=True)
class _Drawing(Canvas):
    metric: str

    def bands(self, chart: Chart) -> str:
        """Draw what was normal as one path of boxes, neighbours of one height joined."""
        boxes: list[tuple[datetime, datetime, float, float]] = []
        for band in sorted(chart.bands, key=_BY_START):
            if band.end < self.times.start or band.start > self.times.end:
                continue
            if not (math.isfinite(band.low) and math.isfinite(band.high)):
                continue
            if boxes and boxes[-1][1:] == (band.start, band.low, band.high):
                boxes[-1] = (boxes[-1][0], band.end, band.low, band.high)
            else:
                boxes.append((band.start, band.end, band.low, band.high))
        # hours of the day come again and again
        x = {ts: number(self.x(ts)) for box in boxes for ts in box[:2]}
        y = {value: number(self.y(value)) for value in {each for box in boxes for each in box[2:]}}
        path = "".join(f"M{x[a]} {y[t]}H{x[b]}V{y[u]}H{x[a]}Z" for a, b, u, t in boxes)
        return f'<path d="{path}" fill="{self.palette.band}"/>' if path else ""

    def samples(self, points: Sequence[Point]) -> str:
        """Draw each sample as a dot, and a faint line through them that breaks at gaps."""
        if not points:
            return ""
        steps = [(b.ts - a.ts).total_seconds() for a, b in pairwise(points)]
        limit = 3 * median(steps) if steps else 0
        places = [f"{number(self.x(p.ts))} {number(self.y(p.value))}" for p in points]
        joins = ["M", *("M" if step > limit else "L" for step in steps)]
        line = "".join(join + place for join, place in zip(joins, places, strict=True))
        # a stroke without length and with round ends is a dot that no scaling distorts
        dots = "".join(f"M{place}h0" for place in places)
        size = 5 if len(points) <= 120 else 4
        return self.stroke(
            line, self.palette.dot, 1, ' stroke-opacity="0.45" stroke-linejoin="round"'
        ) + self.stroke(dots, self.palette.dot, size, ' stroke-linecap="round"')

    def level(self, value: float, start: datetime, end: datetime, colour: str) -> str:
        """Draw a level as a thick line."""
        if not math.isfinite(value):
            return ""
        path = f"M{number(self.x(start))} {number(self.y(value))}H{number(self.x(end))}"
        return self.stroke(path, colour, 3, ' stroke-linecap="round"')

    def value_labels(self) -> str:
        """Label the ticks of the value axis at the left, above their lines."""
        return "".join(
            self.label(
                "0", _LANE + self.y(tick) - 4, self.palette.muted, words.tick(self.metric, tick)
            )
            for tick in self.values.ticks()
            if not (tick == 0 and not self.values.log)
        )

    def level_labels(self, old: float, new: float, onset: datetime, points: Sequence[Point]) -> str:
        """Name the two levels near their lines, clear of the samples, where there is room."""
        part = self.times.at(onset)
        parts = []
        if math.isfinite(old) and part > 0.3:
            y = self._clear(old, part - 0.22, part - 0.015, points)
            text = f"before {words.level(self.metric, old)}"
            parts.append(self.label(percent(part - 0.015), y, self.palette.old, text, _LEVEL))
        if math.isfinite(new) and part < 0.75:
            y = self._clear(new, max(part, 0.7), 1.0, points)
            text = f"after {words.level(self.metric, new)}"
            parts.append(self.label("99%", y, self.palette.new, text, _LEVEL))
        return "".join(parts)

    def _clear(self, value: float, left: float, right: float, points: Sequence[Point]) -> float:
        """Return where a label of this level lies above, else below, the samples around it."""
        level = self.y(value)
        near = [self.y(p.value) for p in points if left <= self.times.at(p.ts) <= right]
        # one stray sample in twenty may lie under the label
        near = sorted([*near, level])
        above = near[len(near) // 20] - 9
        if above >= 12:
            return _LANE + above
        below = near[-1 - len(near) // 20] + 18
        return _LANE + (below if below <= _PLOT - 4 else max(12.0, level - 9))

    def onset_label(self, onset: datetime) -> str:
        """Name the onset at the top of its line."""
        part = self.times.at(onset)
        text = f"onset {units.naive(onset):%H:%M:%S}"
        extra = f' font-weight="600"{anchor(part)}'
        return self.label(percent(part), 12, self.palette.new, text, extra)

    def markers(self, events: Sequence[Event]) -> str:
        """Draw a numbered mark for each event, one for those that lie close together."""
        groups: list[tuple[float, int, int]] = []
        for index, event in enumerate(events, 1):
            part = self.times.at(event.ts)
            if groups and part - groups[-1][0] < 0.045:
                groups[-1] = (groups[-1][0], groups[-1][1], index)
            else:
                groups.append((part, index, index))
        parts = []
        for part, first, last in groups:
            text = str(first) if first == last else f"{first}\N{EN DASH}{last}"
            wide = 16 if first == last else 30
            place = percent(min(0.98, max(0.02, part)))
            # an svg of its own moves by percentage and draws by pixel
            parts.append(
                f'<svg x="{place}" y="{_LANE - 20}" overflow="visible"><rect x="{-wide // 2}"'
                f' width="{wide}" height="16" rx="8" fill="{self.palette.event}"/>'
                f'<text y="12" fill="{self.palette.card}" font-size="11" font-weight="700"'
                f' text-anchor="middle">{text}</text></svg>'
            )
        return "".join(parts)

    def notes(self, log: bool, hidden: int, *, rising: bool) -> str:
        """Say what a reader of the axis must know."""
        said = [text for text, needed in (("log scale", log),) if needed]
        if hidden:
            said.append(f"{units.plural(hidden, 'sample')} above the scale, drawn at its top")
        if not said:
            return ""
        text = "; ".join(said)
        # in the lower corner that the levels leave free
        place, side = ("99%", ' text-anchor="end"') if rising else ("0", "")
        extra = f'{side} font-size="11"'
        return self.label(place, _LANE + _PLOT - 6, self.palette.muted, text, extra)


def sparkline(values: Sequence[float], title: str) -> str:
    """Draw a day's hours as small bars, their height relative to the largest.

    Parameters
    ----------
    values : Sequence of float
        One value per hour; what is not finite or below zero draws nothing.
    title : str
        For readers who do not see it.

    """
    usable = [value if math.isfinite(value) and value > 0 else 0.0 for value in values]
    top = max(usable, default=0.0)
    bars = []
    for index, value in enumerate(usable):
        if value > 0:
            height = max(1.0, value / top * 20)
            bars.append(f"M{4 * index} 22v-{number(height)}h3v{number(height)}z")
    width = max(1, 4 * len(usable))
    return (
        f'<svg class="spark" role="img" aria-label="{escaped(title)}" width="{width}" height="22"'
        f' viewBox="0 0 {width} 22"><path d="M0 21.5H{width}" stroke="var(--rule)"/>'
        f'<path d="{"".join(bars)}" fill="var(--dot)"/></svg>'
    )
