"""From snapshots of cumulative counters to intervals. Pure.

The rules are those of every sweep (`snapshots.deltas`); what differs is what is known. Of a file
nobody knows whether a snapshot holds all entries or only the busiest: a key that appears is then no
proof that it began to exist, and nothing is counted for it unless `stats_since` says so.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from statistics import median

import polars as pl

from perf_pipeline.errors import InputError
from perf_pipeline.imports.model import Interval, utc_day
from perf_pipeline.snapshots import deltas
from perf_pipeline.snapshots.evidence import Evidence, Observation
from perf_pipeline.snapshots.families import STATEMENTS

#: How many entries of a snapshot were added up under one key.
PARTS = "parts"
_KEYS = list(STATEMENTS.keys)

#: Snapshots closer than this are none: each row was given a time of its own.
LEAST_SPACING_S = 1.0


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All that one look at pg_stat_statements kept.

    Attributes
    ----------
    observation : Observation
    frame : polars.DataFrame
        What `columns.counters` returns; with a column `parts` when entries of one key were added
        up (`merged`).
    follows : bool
        Whether it comes right after the snapshot handed in before it; else it is a new baseline.

    """

    observation: Observation
    frame: pl.DataFrame
    follows: bool = True


def merged(frame: pl.DataFrame, where: str, *, has_toplevel: bool) -> tuple[pl.DataFrame, int]:
    """Make each key of a snapshot occur once.

    The same row twice is dropped. Without `toplevel` a statement that ran both by itself and from a
    function has two entries that look like one: they are added up.

    Parameters
    ----------
    frame : polars.DataFrame
        What `columns.counters` returns.
    where : str
        The snapshot, for messages.
    has_toplevel : bool
        Whether the source tells `toplevel`.

    Returns
    -------
    frame : polars.DataFrame
        With `parts` where entries were added up.
    dropped : int
        Rows that were there twice.

    Raises
    ------
    InputError
        A key has more, different, entries than one server can have.

    """
    single = frame.unique(maintain_order=True)
    dropped = frame.height - single.height
    counts = single.group_by(_KEYS).agg(pl.len().alias(PARTS))
    most = counts[PARTS].max() if counts.height else 0
    allowed = 1 if has_toplevel else 2
    if isinstance(most, int) and most > allowed:
        key = counts.filter(pl.col(PARTS) > allowed).sort(_KEYS).row(0, named=True)
        raise InputError(
            f"{where}: statement {key['queryid']} (userid {key['userid']}, dbid {key['dbid']})"
            f" is there {key[PARTS]} times with different counters",
            "import one server at a time: choose it with --server, or split the export",
        )
    if most != allowed or has_toplevel:
        return single, dropped
    sums = single.group_by(_KEYS, maintain_order=True).agg(
        # a sum with an unknown part is unknown
        *(
            pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(name)
            for name in STATEMENTS.totals
        ),
        pl.col("stats_since").max(),
        # of two entries they prove nothing
        *(
            pl.when(pl.len() == 1).then(pl.col(name).first()).alias(name)
            for name in STATEMENTS.extremes
            if name in single.columns
        ),
        pl.len().alias(PARTS),
    )
    return sums.select(*single.columns, PARTS), dropped


def spacing(instants: Sequence[datetime], where: str) -> float:
    """Return the usual seconds between two snapshots, the median.

    Raises
    ------
    InputError
        They are less than a second apart: rows with a time each, not snapshots.

    """
    gaps = [(b - a).total_seconds() for a, b in pairwise(instants)]
    usual = median(gaps) if gaps else 300.0
    if usual < LEAST_SPACING_S:
        raise InputError(
            f"{where}: its {len(instants)} times are {usual * 1000:.3g} ms apart;"
            " the rows of one snapshot must share one time",
            "export with now() AS ts, which is the same for all rows of a statement",
        )
    return usual


def needed(instants: Sequence[datetime], wanted: Callable[[date], bool]) -> list[tuple[int, bool]]:
    """Return which snapshots must be read for the intervals of the wanted days.

    Returns
    -------
    list of (int, bool)
        Index, and whether it follows the one before it in this list: each wanted snapshot and the
        one before it.

    """
    chosen = [
        index
        for index in range(len(instants))
        if wanted(utc_day(instants[index]))
        or (index + 1 < len(instants) and wanted(utc_day(instants[index + 1])))
    ]
    return [(index, i > 0 and chosen[i - 1] == index - 1) for i, index in enumerate(chosen)]


def fold(
    snapshots: Iterable[Snapshot], expected_seconds: float, *, complete: bool
) -> Iterator[Interval]:
    """Yield the interval that each snapshot ends; the first, and one after a hole, is a baseline.

    Parameters
    ----------
    snapshots : Iterable of Snapshot
        In order of time.
    expected_seconds : float
        Their usual spacing; three times as much is a `gap`.
    complete : bool
        Each snapshot holds every entry of the server.

    """
    before: Snapshot | None = None
    for snapshot in snapshots:
        previous = before if snapshot.follows else None
        evidence = Evidence(
            previous.observation if previous else None,
            snapshot.observation,
            expected_seconds,
            partial=not complete,
        )
        current, unclear = _comparable(previous, snapshot)
        rows = deltas.interval(previous.frame if previous else None, current, evidence)
        yield Interval(
            observation=snapshot.observation,
            previous_ts=previous.observation.ts if previous else None,
            quality=evidence.quality,
            rows=rows,
            rows_read=snapshot.frame.height,
            notes=_notes(evidence, unclear),
        )
        before = snapshot


def _comparable(before: Snapshot | None, now: Snapshot) -> tuple[pl.DataFrame, int]:
    """Leave out keys of which one entry was added or thrown out: their sums do not compare."""
    if before is None or (PARTS not in before.frame.columns and PARTS not in now.frame.columns):
        return now.frame, 0
    joined = (
        now.frame.join(_parts(now.frame, "parts_now"), on=_KEYS, how="left")
        .join(_parts(before.frame, "parts_before"), on=_KEYS, how="left")
        .filter(pl.col("parts_before").is_null() | (pl.col("parts_before") == pl.col("parts_now")))
    )
    return joined.select(now.frame.columns), now.frame.height - joined.height


def _parts(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    parts = pl.col(PARTS) if PARTS in frame.columns else pl.lit(1)
    return frame.select(*_KEYS, parts.cast(pl.UInt32).alias(name))


def _notes(evidence: Evidence, unclear: int) -> tuple[str, ...]:
    notes = []
    if evidence.previous is None:
        notes.append("a baseline: nothing is counted")
    if evidence.other_server is not None:
        notes.append(f"another server than before: {evidence.other_server}; nothing is counted")
    if evidence.statements_emptied:
        notes.append("the statement statistics were reset in this interval")
    if unclear:
        notes.append(f"{unclear} statements left out: their nested calls came or went")
    return tuple(notes)


def returning_reset(resets: Iterable[tuple[datetime, datetime | None]]) -> datetime | None:
    """Return a snapshot whose `stats_reset` was already replaced by another one before, if any.

    A server's reset only moves on; one that comes back shows that two servers were mixed.

    Parameters
    ----------
    resets : Iterable of (datetime, datetime or None)
        Time of each snapshot and the reset it saw, in order of time.

    """
    past: set[datetime] = set()
    current: datetime | None = None
    for ts, reset in resets:
        if reset is None or reset == current:
            continue
        if reset in past:
            return ts
        if current is not None:
            past.add(current)
        current = reset
    return None
