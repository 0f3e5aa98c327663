"""Import a history: look at its days, read what is new, write it day by day."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import polars as pl

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.imports import words, write
from perf_pipeline.imports.model import Action, DaySummary, History, Progress, Silent, Summary
from perf_pipeline.imports.plan import EMPTY, Fresh, action, by_day, fresh
from perf_pipeline.snapshots.families import STATEMENTS
from perf_pipeline.store import targets
from perf_pipeline.store.engine import Store

#: A clock may be a little ahead of ours; more than this is a wrong time zone.
CLOCK_TOLERANCE = timedelta(hours=1)

_KEYS = list(STATEMENTS.keys)


@dataclass
class _Tally:
    """What was counted so far: days, and the keys of their statements."""

    days: list[DaySummary] = field(default_factory=list)
    keys: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(STATEMENTS.keys)))


def run(
    store: Store,
    target_name: str,
    history: History,
    *,
    dry_run: bool = False,
    history_start: date | None = None,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Write a history into the ledger as `imported` sweeps of a target.

    A day is one transaction: killed in between, it can be run again and goes on; run twice, it
    changes nothing. Days with collected sweeps are left alone.

    Parameters
    ----------
    store : Store
        Up to date.
    target_name : str
        Registered when it is new (never by a dry run).
    history : History
        Opened; the caller closes it.
    dry_run : bool
        Read and compute everything, write nothing.
    history_start : date, optional
        Where the target's daily assets begin, for what the summary says to do next.
    now : datetime, optional
        Aware; default: this instant.
    progress : Progress, optional
        Default: nothing is shown.

    Raises
    ------
    ConfigurationError
        A snapshot lies in the future.
    PerfPipelineError
        The history cannot be read; days written before stay.

    """
    clock = now or datetime.now(UTC)
    instants = history.instants
    if instants and instants[-1] > clock + CLOCK_TOLERANCE:
        raise ConfigurationError(
            f"{history.name}: its last snapshot, {instants[-1]:%Y-%m-%d %H:%M:%S %Z}, lies in the"
            " future",
            "check the time zone of its times (--timezone, for times without one)",
        )
    target_id = (
        targets.find(store, target_name) if dry_run else targets.register(store, target_name)
    )
    days = by_day(instants)
    actions = _actions(store, target_id, history, days, clock)
    tally = _Tally()
    wanted = {day for day, what in actions.items() if what == "import"}
    for day, what in actions.items():
        if what != "import":
            tally.days.append(DaySummary(day, what, len(days[day])))
    ours = [day for day, what in actions.items() if what in {"import", "there"}]
    # before the days: a run that goes on after a killed one finds the days done, not the texts
    first_seen = days[ours[0]][0] if ours else None
    texts = _texts(store, None if dry_run else target_id, history, first_seen)
    steps = sum(len(days[day]) for day in wanted)
    with (progress or Silent()).bar("read and write" if not dry_run else "read", steps) as bar:
        for day, offered in _days(history, wanted, bar.advance):
            with closing(offered):
                tally.days.append(
                    _dry(store, target_id, day, offered, tally)
                    if dry_run or target_id is None
                    else _wet(store, target_id, day, offered, history.name, tally)
                )
    tally.days.sort(key=lambda done: done.day)
    written = [done.day for done in tally.days if done.action == "import" and done.intervals]
    upgraded = words.version_note(history.majors, _collected_major(store, target_id))
    return Summary(
        target=target_name,
        source=history.name,
        dry_run=dry_run,
        days=tuple(tally.days),
        statements=tally.keys.height,
        texts=texts,
        notes=(*history.notes(), *([upgraded] if upgraded else [])),
        hints=words.hints(target_name, written[0], written[-1], history_start) if written else (),
    )


def _collected_major(store: Store, target_id: int | None) -> int | None:
    if target_id is None:
        return None
    rows = store.rows("import_collected_version", {"target_id": target_id})
    return int(rows[0]["server_version_num"]) // 10_000 if rows else None


def _actions(
    store: Store,
    target_id: int | None,
    history: History,
    days: dict[date, list[datetime]],
    now: datetime,
) -> dict[date, Action]:
    if not days:
        return {}
    states = write.day_states(store, target_id, min(days), max(days))
    baselines, today = frozenset(history.baselines), now.astimezone(UTC).date()
    return {
        day: action(states.get(day, EMPTY), day, instants, baselines, today)
        for day, instants in days.items()
    }


def _days(
    history: History, wanted: set[date], advance: Callable[[], None]
) -> Iterator[tuple[date, write.DayRows]]:
    """Yield each wanted day once all its intervals were read."""
    current: date | None = None
    offered = write.DayRows()
    for interval in history.intervals(wanted.__contains__) if wanted else ():
        day = interval.day
        if day not in wanted:
            continue
        if day != current:
            if current is not None:
                yield current, offered
            current, offered = day, write.DayRows()
        offered.add(interval)
        advance()
    if current is not None:
        yield current, offered


def _dry(
    store: Store, target_id: int | None, day: date, offered: write.DayRows, tally: _Tally
) -> DaySummary:
    if target_id is None:
        chosen = fresh(offered.intervals, EMPTY)
    else:
        with store.begin() as connection:
            chosen = fresh(offered.intervals, write.state_of(connection, target_id, day, offered))
    return _counted(day, offered, chosen, tally)


def _wet(
    store: Store, target_id: int, day: date, offered: write.DayRows, source: str, tally: _Tally
) -> DaySummary:
    chosen = write.write_day(store, target_id, day, source, offered)
    if chosen is None:
        return DaySummary(day, "collected", len(offered.intervals))
    return _counted(day, offered, chosen, tally)


def _counted(day: date, offered: write.DayRows, chosen: Fresh, tally: _Tally) -> DaySummary:
    rows, qualities = 0, dict[str, int]()
    for frame in offered.rows([interval.ts for interval in chosen.intervals]):
        rows += frame.height
        for quality, count in frame.group_by("quality").len().sort("quality").iter_rows():
            qualities[quality] = qualities.get(quality, 0) + count
        tally.keys = pl.concat([tally.keys, frame.select(_KEYS).unique()]).unique()
    return DaySummary(
        day=day,
        action="import",
        snapshots=len(offered.intervals),
        intervals=sum(interval.previous_ts is not None for interval in chosen.intervals),
        rows=rows,
        qualities=qualities,
        overlapping=chosen.overlapping,
    )


def _texts(
    store: Store, target_id: int | None, history: History, first_seen: datetime | None
) -> int:
    count = 0
    for found in history.texts() if first_seen is not None else ():
        count += found.height
        if target_id is not None and first_seen is not None:
            write.save_texts(store, target_id, first_seen, found)
    return count
