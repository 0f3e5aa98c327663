"""Looks at a target, and what a series of them tells of its availability.

Each sweep is a look that found it there, as is each probe that was answered; a sweep that failed is
one that found it away when a connection on its own fails as well, as is a probe that nobody
answered. The time from a look to the next belongs to what the look found, up to `LONGEST`: of a
longer silence nobody knows, and it is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from perf_pipeline.store.engine import Store

#: A longer silence is the collector's, or nobody's: three sweeps of five minutes.
LONGEST: Final = timedelta(minutes=15)
#: What a probe that was answered is kept as, in `monitoring.measurements`: ms by where it went.
PROBE: Final = "probe_ms"

Look = Mapping[str, Any]


@dataclass(frozen=True)
class Outage:
    """A stretch of looks that found it away.

    `finish` is the next look that found it there, or as far as the last one tells; `reason` what
    the first look was told.
    """

    start: datetime
    finish: datetime
    reason: str = ""

    @property
    def length(self) -> timedelta:
        """How long it lasted."""
        return self.finish - self.start


@dataclass(frozen=True)
class Observed:
    """What a series of looks tells.

    Attributes
    ----------
    there, away : timedelta
        Time observed, by what was found.
    stretches : tuple of Outage
    restarts : int
        Times the server was started anew.
    looks : int

    """

    there: timedelta
    away: timedelta
    stretches: tuple[Outage, ...]
    restarts: int
    looks: int

    @property
    def seen(self) -> timedelta:
        """Time observed."""
        return self.there + self.away

    @property
    def outages(self) -> int:
        """Stretches of looks that found it away."""
        return len(self.stretches)

    @property
    def longest(self) -> timedelta:
        """Of these, the length of the longest."""
        return max((each.length for each in self.stretches), default=timedelta())


def observe(
    looks: Sequence[Look],
    finish: datetime,
    start: datetime | None = None,
    until: datetime | None = None,
) -> Observed:
    """Add up what looks found (pure).

    Parameters
    ----------
    looks : sequence of Mapping
        `ts` aware, `there` bool or None (a sweep beside probes: it only tells of restarts),
        `postmaster_start` or None, `reason` or missing; in order of time.
    finish : datetime
        Aware: the end of what the last look tells of.
    start, until : datetime, optional
        Aware: time before and after is not counted; looks there may tell how it was in between.

    """
    stop = finish if until is None else min(until, finish)
    there = away = timedelta()
    stretches: list[Outage] = []
    timed = [look for look in looks if look["there"] is not None and look["ts"] <= finish]
    ends = [*(look["ts"] for look in timed[1:]), *([finish] if timed else [])]
    open_ = False
    for look, end in zip(timed, ends, strict=True):
        begin = look["ts"] if start is None else max(look["ts"], start)
        if begin >= stop and until is not None:
            break
        # of a silence that is longer nobody knows
        known = min(end, stop) if end - look["ts"] <= LONGEST else look["ts"]
        span = max(timedelta(), known - begin)
        if look["there"]:
            there += span
            open_ = False
            continue
        away += span
        if start is not None and known <= start:
            continue
        if open_:
            last = stretches.pop()
            stretches.append(Outage(last.start, max(known, begin), last.reason))
        else:
            stretches.append(Outage(begin, max(known, begin), str(look.get("reason") or "")))
        open_ = True
    return Observed(there, away, tuple(stretches), _restarts(looks, stop, start), len(timed))


def _restarts(looks: Sequence[Look], finish: datetime, start: datetime | None) -> int:
    found = 0
    before: datetime | None = None
    for look in looks:
        began = look["postmaster_start"]
        if began is None or look["ts"] > finish:
            continue
        if before is not None and began > before and (start is None or look["ts"] > start):
            found += 1
        before = began
    return found


def read(
    store: Store, target: str, target_id: int, since: datetime, until: datetime | None = None
) -> Sequence[Look]:
    """Return every look at a target in a span, in order of time, for `observe`.

    Parameters
    ----------
    store : Store
    target : str
    target_id : int
    since, until : datetime
        Aware, both included; without `until` all since.

    """
    params = {"target_id": target_id, "target": target, "since": since, "until": until}
    return store.rows("unreached_looks", {**params, "probe": PROBE})
