"""Service levels of a database, and the verdict on what was measured.

A level that is missed is a warning, one that is missed by twice is an error. What could not be
measured is a warning, too: a check that has seen nothing has not passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from perf_pipeline.postgres.promises import Promises

if TYPE_CHECKING:
    from perf_pipeline.snapshots.sla import SlaFigures

#: Figures older than this say nothing about now: twelve collections have been missed.
MAX_AGE: Final = timedelta(hours=1)

#: How a unit ends a name, where that is not the unit itself.
_SUFFIXES: Final = {"": "_ratio", " %": "_percent"}


@dataclass(frozen=True)
class Level:
    """One service level; `error_at` is where a warning becomes an error.

    `family` is the family of statistics it is shown on; `of_hour` says that it is measured over the
    hour before the newest sweep, and worth nothing when that is long ago.
    """

    name: str
    family: str
    description: str
    limit: float
    error_at: float
    higher_is_better: bool
    unit: str
    of_hour: bool = True

    @property
    def suffix(self) -> str:
        """The unit, as the end of a name."""
        return _SUFFIXES.get(self.unit, self.unit.replace(" ", "_"))

    def shown(self, value: float) -> str:
        """Return a value as text with its unit; a ratio as a percentage."""
        if not self.unit:
            return f"{value:.2%}"
        number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
        return f"{number}{self.unit}"

    def missed(self, value: float, limit: float) -> bool:
        """Whether a value is on the wrong side of a limit, the limit itself included.

        Of what is promised at least (users, tenants, transactions, availability), the limit itself
        is enough.
        """
        if not self.higher_is_better:
            return value >= limit
        return value <= limit if self.of_hour else value < limit


@dataclass(frozen=True)
class Reading:
    """What was measured of one level.

    Attributes
    ----------
    value : float or None
        None: nothing was; `detail` says why.
    detail : str
        Of what it was measured.
    missing : tuple of str
        Parts of the promise that nothing was measured of: without a miss elsewhere, the whole has
        not passed.
    figures : Mapping
        More numbers to show.

    """

    value: float | None
    detail: str = ""
    missing: tuple[str, ...] = ()
    figures: Mapping[str, float | int | None] = field(default_factory=dict)


def _below(name: str, family: str, text: str, limit: float, *, of_hour: bool = False) -> Level:
    """Return a level of milliseconds; twice the limit is an error."""
    return Level(name, family, text, limit, 2 * limit, False, " ms", of_hour)


def _at_least(name: str, family: str, text: str, limit: float, unit: str) -> Level:
    """Return a level of something that there must be enough of; half of it is an error."""
    return Level(name, family, text, limit, limit / 2, True, unit, of_hour=False)


def levels(promises: Promises) -> tuple[Level, ...]:
    """Return what is checked of a target, the coverage of its active time last.

    Every target: p95 of statements (T-02), cache hits (T-05; twice the misses that are allowed are
    an error), connections (T-06). Those that promise it: response time of each part (T-01),
    analytics (T-03), bulk writes (T-04), p95 at the peak (M-01), throughput (M-02), users (M-03),
    tenants (M-04), availability (M-05; an error is twice the time that it may be away).
    """
    p = promises
    found = [
        _below(
            "query_p95",
            "statements",
            f"95 % of statement executions take less than {p.query_p95_ms:g} ms (estimated from "
            "mean and deviation)",
            p.query_p95_ms,
            of_hour=True,
        ),
        Level(
            "cache_hits",
            "database",
            f"more than {p.cache_hit_ratio:.4g} of block reads are served from shared buffers",
            p.cache_hit_ratio,
            1 - 2 * (1 - p.cache_hit_ratio),
            higher_is_better=True,
            unit="",
        ),
        _below(
            "connection_time",
            "database",
            f"a new connection is ready within {p.connection_ms:g} ms",
            p.connection_ms,
            of_hour=True,
        ),
    ]
    if p.response_ms is not None:
        text = f"95 % of executions take less than {p.response_ms:g} ms in each of "
        text += ", ".join(p.response_parts)
        found.append(_below("response_time", "statements", text, p.response_ms))
    if p.analytics_ms is not None:
        text = f"queries for analysis take less than {p.analytics_ms:g} ms: "
        text += ", ".join(query.name for query in p.analytics)
        found.append(_below("analytics_time", "statements", text, p.analytics_ms))
    if p.bulk_ms is not None:
        text = f"statements that write {p.bulk_rows:,} rows or more take less than {p.bulk_ms:g} ms"
        found.append(_below("bulk_time", "statements", text, p.bulk_ms))
    if p.peak_p95_ms is not None:
        text = f"95 % of executions take less than {p.peak_p95_ms:g} ms in the busiest hour"
        found.append(_below("peak_p95", "statements", text, p.peak_p95_ms))
    if p.throughput_tps is not None:
        text = f"it bears {p.throughput_tps:,g} transactions a second"
        found.append(_at_least("throughput", "database", text, p.throughput_tps, " tps"))
    if p.concurrent_users is not None:
        text = f"it bears {p.concurrent_users:,} users at the same time"
        found.append(_at_least("users", "database", text, p.concurrent_users, " users"))
    if p.tenants is not None:
        text = f"{p.tenants_table} has at least {p.tenants:,} rows"
        found.append(_at_least("tenants", "tables", text, p.tenants, " tenants"))
    if p.availability_percent is not None:
        limit = p.availability_percent
        text = f"it can be reached {limit:g} % of the time, over 30 days"
        error_at = 100 - 2 * (100 - limit)
        found.append(
            Level("availability", "database", text, limit, error_at, True, " %", of_hour=False)
        )
    return (*found, ACTIVE_TIME_COVERED)


#: Judged by `coverage`, against what is usual for the target; the limit is that without a usual.
ACTIVE_TIME_COVERED: Final = Level(
    "active_time_covered",
    "statements",
    "the counted statements explain as much of the sessions' active time as they usually do here",
    0.5,
    0.0,
    higher_is_better=True,
    unit="",
)


@dataclass(frozen=True)
class Verdict:
    """The verdict on one level; `error` says how serious a miss is.

    What was not `measured` has not passed: `value` is then None, too old, or of a part only.
    """

    level: Level
    passed: bool
    error: bool
    message: str
    value: float | None
    measured: bool = True
    figures: Mapping[str, float | int | None] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """What became of the check, in two words at most."""
        return "passed" if self.passed else "missed" if self.measured else "not measured"


def of_hour(figures: "SlaFigures | None") -> dict[str, Reading]:
    """Return the readings of the levels that are measured over the newest hour."""
    if figures is None:
        return {}
    return {
        "query_p95": Reading(figures.p95_ms, figures.notes),
        "cache_hits": Reading(figures.cache_hit_ratio, figures.notes),
        "connection_time": Reading(figures.connection_ms, figures.notes),
    }


def judge(level: Level, reading: Reading | None, newest: datetime | None, now: datetime) -> Verdict:
    """Return the verdict on one level (pure).

    Parameters
    ----------
    level : Level
    reading : Reading or None
        None: the target was never swept.
    newest : datetime or None
        The newest sweep, aware; None: never.
    now : datetime
        Aware.

    """
    if newest is None:
        return _unmeasured(level, None, "the target was never swept")
    if reading is None or reading.value is None:
        notes = f": {reading.detail}" if reading is not None and reading.detail else ""
        return _unmeasured(level, reading, f"not measured{notes}")
    value = reading.value
    if level.of_hour and now - newest > MAX_AGE:
        why = f"the newest sweep is of {newest:%Y-%m-%d %H:%M} UTC; it was {level.shown(value)}"
        return _unmeasured(level, reading, f"{why} then")
    detail = f"in the hour to {newest:%H:%M} UTC" if level.of_hour else reading.detail
    message = f"{level.shown(value)} {detail}"
    if level.missed(value, level.limit):
        error = level.missed(value, level.error_at)
        return Verdict(level, False, error, message, value, figures=reading.figures)
    if reading.missing:
        return _unmeasured(level, reading, f"{'; '.join(reading.missing)}; else {message}")
    return Verdict(level, True, False, message, value, figures=reading.figures)


def _unmeasured(level: Level, reading: Reading | None, why: str) -> Verdict:
    value = reading.value if reading is not None else None
    figures = reading.figures if reading is not None else {}
    text = f"not enough data: {why}"
    return Verdict(level, False, False, text, value, measured=False, figures=figures)
