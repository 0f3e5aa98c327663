"""Axes of a chart: from values to positions, and where ticks go. Pure numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

#: A linear axis hides the smaller of two levels that are further apart than this.
LOG_FROM_RATIO = 25.0
#: Samples above this many times the largest level or 95th percentile are drawn at the top.
HEADROOM = 2.2
#: A sum that overflows is no position.
_LARGEST = 1e300

_TIME_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200),
    *(86400, 2 * 86400, 7 * 86400, 14 * 86400, 28 * 86400),
)
_EPOCH = datetime(2000, 1, 3)  # a Monday: weekly ticks fall on Mondays


@dataclass(frozen=True)
class Axis:
    """A value axis; `at` gives the position of a value, 0 at the bottom and 1 at the top."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        """Return the position of a value, kept inside the axis."""
        if self.log:
            span = math.log(self.high) - math.log(self.low)
            part = (math.log(value) - math.log(self.low)) / span if value > 0 else 0.0
        else:
            part = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, part))

    def ticks(self) -> list[float]:
        """Return two to six round values on the axis."""
        return self._log_ticks() if self.log else self._linear_ticks()

    def _linear_ticks(self) -> list[float]:
        step = _nice((self.high - self.low) / 4)
        if not step or not math.isfinite(step):
            return [self.low]
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, min(last, first + 10) + 1)]

    def _log_ticks(self) -> list[float]:
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        every = max(1, math.ceil((last - first + 1) / 5))
        ticks = [10.0**power for power in range(first, last + 1, every)]
        if len(ticks) >= 2:
            return ticks
        base = 10.0 ** math.floor(math.log10(self.low))
        wanted = (base * part for part in (1, 2, 5, 10, 20, 50, 100))
        return [tick for tick in wanted if self.low <= tick <= self.high] or [self.low]


def _nice(raw: float) -> float:
    if raw <= 0 or not math.isfinite(raw):
        return 0.0
    power = 10.0 ** math.floor(math.log10(raw))
    return next((m * power for m in (1, 2, 2.5, 5) if raw <= m * power * 1.0001), 10 * power)


def value_axis(values: Sequence[float], levels: Sequence[float]) -> Axis:
    """Choose a value axis: from zero and linear, or logarithmic where levels lie far apart.

    Parameters
    ----------
    values : Sequence of float
        The samples; those that are not finite are ignored.
    levels : Sequence of float
        Old and new level; always within the axis.

    """
    clean = sorted(v for v in values if math.isfinite(v) and abs(v) < _LARGEST)
    marks = [v for v in levels if math.isfinite(v) and abs(v) < _LARGEST]
    if not clean and not marks:
        return Axis(0.0, 1.0)
    typical = clean[int(0.95 * (len(clean) - 1))] if clean else max(marks)
    limit = HEADROOM * max([typical, *marks])
    high = max([min(clean[-1], limit) if clean else typical, *marks])
    positive = [v for v in (*marks, *clean) if v > 0]
    if min(marks, default=0) > 0 and max(marks) / min(marks) >= LOG_FROM_RATIO:
        low = max(min(positive), min(marks) / 10)
        return Axis(low / 1.5, max(high, low) * 1.4, log=True)
    low = min(0.0, min(marks, default=0.0), clean[0] if clean else 0.0)
    if high <= low:
        half = max(0.5, abs(low) / 10)
        return Axis(low - half, low + half) if low else Axis(0.0, 1.0)
    return Axis(low, high + 0.1 * (high - low))


@dataclass(frozen=True)
class TimeAxis:
    """A time axis; `at` gives the position of an instant, 0 to 1."""

    start: datetime
    end: datetime

    def at(self, ts: datetime) -> float:
        """Return the position of an instant, kept inside the axis."""
        part = (ts - self.start) / (self.end - self.start)
        return min(1.0, max(0.0, part))

    def inside(self, ts: datetime) -> bool:
        """Whether an instant lies on the axis."""
        return self.start <= ts <= self.end

    def ticks(self) -> list[tuple[datetime, str]]:
        """Return two to five round instants with their labels."""
        span = (self.end - self.start).total_seconds()
        step = (
            next((s for s in _TIME_STEPS if span / s <= 4.5), 0)
            or math.ceil(span / 4 / 86400) * 86400
        )
        offset = (self.start - _EPOCH).total_seconds()
        first = math.ceil(offset / step)
        instants = [_EPOCH + timedelta(seconds=step * index) for index in range(first, first + 6)]
        return [(ts, _time_label(ts, step)) for ts in instants if ts <= self.end]


def _time_label(ts: datetime, step: float) -> str:
    if step >= 86400 or (step >= 3600 and ts.hour == 0):
        return f"{ts.day} {ts:%b}"
    return f"{ts:%H:%M}" if step >= 60 else f"{ts:%H:%M:%S}"


def time_axis(instants: Sequence[datetime]) -> TimeAxis:
    """Choose the axis of some instants; one alone lies in the middle of a minute.

    Raises
    ------
    ValueError
        There are none.

    """
    start, end = min(instants), max(instants)
    if start == end:
        half = timedelta(seconds=30)
        return TimeAxis(start - half, end + half)
    margin = (end - start) / 50
    return TimeAxis(start - margin, end + margin)
