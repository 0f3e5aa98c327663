"""The day's cached values: how stale they had been, and what refreshes were spared."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from perf_pipeline.reports import lines, units
from perf_pipeline.reports.lines import Line
from perf_pipeline.reports.model import CachedHour
from perf_pipeline.store import Store

#: Of a line: field, name, colour, width, dashed.
_LEVELS = (
    ("staleness_p50_s", "p50", "dot", 1.5, False),
    ("staleness_p99_s", "p99", "old", 2.5, False),
)


def read(
    store: Store, target_name: str, first: date, last: date
) -> dict[date, tuple[CachedHour, ...]]:
    """Return the hours of some days in which something was invalidated, by UTC day.

    Parameters
    ----------
    store : Store
    target_name : str
    first, last : date
        Both included.

    """
    since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    until = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    values = {"target": target_name, "since": since, "until": until}
    found: dict[date, list[CachedHour]] = {}
    for row in store.rows("invalidation_by_hour", values):
        hour = units.naive(row["hour"])
        found.setdefault(hour.date(), []).append(CachedHour(**{**row, "hour": hour}))
    return {day: tuple(hours) for day, hours in found.items()}


def totals(hours: Sequence[CachedHour]) -> list[CachedHour]:
    """Return one row per cache type, over all its hours; its `hour` is the first of them."""
    made = []
    for name in sorted({each.cache_type for each in hours}):
        own = [each for each in hours if each.cache_type == name]
        late = [(each.staleness_p50_s, each.staleness_p99_s, each.staleness_max_s) for each in own]
        worst = [
            max((value for value in column if value is not None), default=None)
            for column in zip(*late, strict=True)
        ]
        made.append(
            CachedHour(
                own[0].hour,
                name,
                changes=sum(each.changes for each in own),
                refreshed=sum(each.refreshed for each in own),
                failed=sum(each.failed for each in own),
                dead=sum(each.dead for each in own),
                process_s=sum(each.process_s for each in own),
                slowest_s=max(each.slowest_s for each in own),
                staleness_p50_s=worst[0],
                staleness_p99_s=worst[1],
                staleness_max_s=worst[2],
            )
        )
    return made


def picture(hours: Sequence[CachedHour], name: str, width: int | None = None) -> str:
    """Draw how stale refreshed values had been, hour by hour; empty where none was refreshed."""
    instants = sorted({each.hour for each in hours})

    def worst(field: str, hour: datetime) -> float | None:
        values = [getattr(each, field) for each in hours if each.hour == hour]
        return max((value for value in values if value is not None), default=None)

    drawn = [
        Line(title, [(hour, worst(field, hour)) for hour in instants], colour, thick, dashed,
             dots=len(instants) == 1)
        for field, title, colour, thick, dashed in _LEVELS
    ]  # fmt: skip
    return lines.over_time(
        drawn,
        show=_seconds,
        title="Seconds from a change until what shows it was made anew, by hour: p50 and p99, "
        "the largest of an hour's runs",
        name=name,
        width=width,
    )


def _seconds(value: float | None) -> str:
    return units.ms(None if value is None else value * 1000.0)
