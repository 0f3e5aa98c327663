"""Service levels of a database, and the verdict on what was measured.

A level that is missed is a warning, one that is missed by twice is an error. What could not be
measured is a warning, too: a check that has seen nothing has not passed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from perf_pipeline.snapshots.sla import SlaFigures

#: Figures older than this say nothing about now: twelve collections have been missed.
MAX_AGE: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Level:
    """One service level; `error_at` is where a warning becomes an error.

    `family` is the family of statistics it is shown on.
    """

    name: str
    family: str
    description: str
    limit: float
    error_at: float
    higher_is_better: bool
    unit: str
    figure: Callable[["SlaFigures"], float | None]

    @property
    def suffix(self) -> str:
        """The unit, as the end of a name."""
        return self.unit.replace(" ", "_") if self.unit else "_ratio"

    def shown(self, value: float) -> str:
        """Return a value as text with its unit; a ratio as a percentage."""
        return f"{value:.4g}{self.unit}" if self.unit else f"{value:.2%}"

    def missed(self, value: float, limit: float) -> bool:
        """Whether a value is on the wrong side of a limit, the limit itself included."""
        return value <= limit if self.higher_is_better else value >= limit


#: p95 of statements below 100 ms (T-02), cache hits above 90 % (T-05: below 80 % is twice the
#: misses that are allowed), a connection within 50 ms (T-06).
LEVELS: Final = (
    Level(
        "p95_below_100_ms",
        "statements",
        "95 % of statement executions take less than 100 ms (estimated from mean and deviation)",
        100.0,
        200.0,
        higher_is_better=False,
        unit=" ms",
        figure=lambda figures: figures.p95_ms,
    ),
    Level(
        "cache_hit_above_90_percent",
        "database",
        "more than 90 % of block reads are served from shared buffers",
        0.90,
        0.80,
        higher_is_better=True,
        unit="",
        figure=lambda figures: figures.cache_hit_ratio,
    ),
    Level(
        "connection_below_50_ms",
        "database",
        "a new connection is ready within 50 ms",
        50.0,
        100.0,
        higher_is_better=False,
        unit=" ms",
        figure=lambda figures: figures.connection_ms,
    ),
)


#: Judged by `coverage`, against what is usual for the target; the limit is that without a usual.
ACTIVE_TIME_COVERED: Final = Level(
    "active_time_covered",
    "statements",
    "the counted statements explain as much of the sessions' active time as they usually do here",
    0.5,
    0.0,
    higher_is_better=True,
    unit="",
    figure=lambda _: None,
)

#: Everything that is checked of a target.
CHECKED: Final = (*LEVELS, ACTIVE_TIME_COVERED)


@dataclass(frozen=True)
class Verdict:
    """The verdict on one level; `error` says how serious a miss is.

    What was not `measured` has not passed: `value` is then None, or too old.
    """

    level: Level
    passed: bool
    error: bool
    message: str
    value: float | None
    measured: bool = True

    @property
    def outcome(self) -> str:
        """What became of the check, in two words at most."""
        return "passed" if self.passed else "missed" if self.measured else "not measured"


def judge(figures: "SlaFigures | None", newest: datetime | None, now: datetime) -> list[Verdict]:
    """Return one verdict per level.

    Parameters
    ----------
    figures : SlaFigures or None
        Of the hour that ends at `newest`; None when the target was never swept.
    newest : datetime or None
        The newest sweep, aware.
    now : datetime
        Aware.

    """
    verdicts = []
    for level in LEVELS:
        value = level.figure(figures) if figures is not None else None
        if newest is None or value is None or figures is None:
            notes = f": {figures.notes}" if figures is not None and figures.notes else ""
            why = "the target was never swept" if newest is None else f"not measured{notes}"
            message = f"not enough data: {why}"
            verdicts.append(Verdict(level, False, False, message, value, measured=False))
        elif now - newest > MAX_AGE:
            message = (
                f"not enough data: the newest sweep is of {newest:%Y-%m-%d %H:%M} UTC; "
                f"it was {level.shown(value)} then"
            )
            verdicts.append(Verdict(level, False, False, message, value, measured=False))
        else:
            error = level.missed(value, level.error_at)
            passed = not level.missed(value, level.limit)
            message = f"{level.shown(value)} in the hour to {newest:%H:%M} UTC"
            verdicts.append(Verdict(level, passed, error, message, value))
    return verdicts
