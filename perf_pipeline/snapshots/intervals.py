"""What a sweep says about the time since the last one, over all its sources. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

import polars as pl

from perf_pipeline.snapshots import changes, coverage, deltas, relations
from perf_pipeline.snapshots.collect import Sweep
from perf_pipeline.snapshots.evidence import Evidence, Observation, Quality
from perf_pipeline.snapshots.families import Family
from perf_pipeline.snapshots.sources import Source, attempt
from perf_pipeline.store import state

#: Spacing of fleet/collection's sweeps; an interval of three times this is a gap.
EXPECTED_SECONDS = 300.0

#: When the size of the database was read.
SIZE = "database_size"

_SCHEMA_OBJECTS = "schema_objects"

_OLDER = "kept by an older version of this program, without some counters; counted from now on"


@dataclass(frozen=True)
class Computed:
    """Intervals and the state to keep, ready to be written.

    `rows` are by ledger table; `observations` say of which sweep each family's state is; `covered`
    is None where it cannot be measured.
    """

    rows: Mapping[str, pl.DataFrame]
    state: Mapping[str, pl.DataFrame]
    observations: dict[str, Observation]
    quality: Quality
    previous_ts: datetime | None
    notes: tuple[str, ...]
    covered: coverage.Covered | None = None


@dataclass(frozen=True)
class Judged:
    """One source's rows of the interval, what is kept of it, and whether its state was older."""

    observation: Observation
    given: pl.DataFrame | None
    kept: pl.DataFrame | None
    rows: pl.DataFrame
    is_older: bool


class Judge:
    """Compares sources with the state before, each as soon as it is read.

    Parameters
    ----------
    previous, seen, expected_seconds, own
        As for `compute`.

    """

    def __init__(
        self,
        previous: Mapping[str, pl.DataFrame],
        seen: Mapping[str, Observation],
        expected_seconds: float = EXPECTED_SECONDS,
        own: pl.DataFrame | None = None,
    ) -> None:
        self._previous = previous
        self._seen = seen
        self._expected_seconds = expected_seconds
        self._own = own
        self._judged: dict[str, Judged] = {}

    def of(self, observation: Observation, source: Source, frame: pl.DataFrame | None) -> Judged:
        """Return what a source's rows say; None: it was not read, or is the same as the last time.

        Asked again with the same rows and observation, the answer is known.
        """
        known = self._judged.get(source.name)
        if (
            known is None
            or known.given is not frame
            or _told(source, known.observation) != _told(source, observation)
        ):
            known = self._judged[source.name] = self._judge(observation, source, frame)
        return known

    def _judge(
        self, observation: Observation, source: Source, frame: pl.DataFrame | None
    ) -> Judged:
        if frame is None:
            nothing = pl.DataFrame() if source.family is None else _nothing(source.family)
            return Judged(observation, None, None, nothing, is_older=False)
        kept = frame
        own = self._own
        if source.name == "statements" and own is not None and not own.is_empty():
            kept = frame.join(own, on=["userid", "dbid", "queryid"], how="anti")
        previous = self._previous.get(source.name)
        is_older = _is_older(source, previous)
        spacing = source.every_seconds(observation.server_version_num // 10_000)
        seen, last = self._seen.get(source.name), self._seen.get(state.EVIDENCE)
        since = Evidence(
            seen,
            observation,
            max(self._expected_seconds, spacing),
            # rows of a source with a spacing of its own say when they began
            missed=not spacing and seen is not None and last is not None and seen.ts != last.ts,
        )
        rows = _rows(source, kept, None if is_older else previous, since, own_interval=spacing > 0)
        return Judged(observation, frame, kept, rows, is_older)


def _told(source: Source, observation: Observation) -> Observation:
    """Return what of an observation proves something about a source.

    What is read after the statements is about them alone, and what we cost is no proof at all.
    """
    observation = replace(observation, role_temp_bytes=None, own_temp_bytes=None)
    if source.name == "statements":
        return observation
    return replace(observation, statements_stats_reset_after=None, statements_dealloc_after=None)


def compute(
    swept: Sweep,
    previous: Mapping[str, pl.DataFrame],
    seen: Mapping[str, Observation],
    expected_seconds: float = EXPECTED_SECONDS,
    own: pl.DataFrame | None = None,
    judge: "Judge | None" = None,
) -> Computed:
    """Return the intervals between a sweep and the state before it.

    A source that is read less often than every sweep has an interval of its own, since it was read
    last, and its own usual spacing.

    Parameters
    ----------
    swept : Sweep
    previous : Mapping of family to polars.DataFrame
        The state, empty for a new target.
    seen : Mapping of family to Observation
        What was observed at the sweep each family's state is of.
    expected_seconds : float
        Usual spacing of sweeps.
    own : polars.DataFrame, optional
        Keys (userid, dbid, queryid) of the collector's own statements, which are left out.
    judge : Judge, optional
        Of the same state, with what it has worked out already; default: a new one.

    """
    judge = judge or Judge(previous, seen, expected_seconds, own)
    judged = {
        source.name: judge.of(swept.observation, source, swept.frames.get(source.name))
        for source in swept.sources
    }
    kept = {name: one.kept for name, one in judged.items() if one.kept is not None}
    frames = {**swept.frames, **kept}
    older = [name for name, one in judged.items() if one.is_older]

    def since(name: str) -> Evidence:
        return Evidence(seen.get(name), swept.observation, expected_seconds)

    whole = since(state.EVIDENCE)
    rows: dict[str, pl.DataFrame] = {}
    for source in swept.sources:
        table, found = source.ledger_table, judged[source.name].rows
        rows[table] = pl.concat([rows[table], found], how="diagonal") if table in rows else found
    if "tables" in {*frames, *swept.unchanged}:
        now = {
            name: frames[name] if name in frames else previous[name]
            for name in ("tables", "indexes")
            if name in {*frames, *swept.unchanged}
        }
        scanned = relations.with_index_scans(rows["tables"], rows["indexes"], now["tables"])
        rows["tables"] = relations.with_index_pages(scanned, now.get("indexes"))
    rows["schema_changes"] = (
        _with_start(
            changes.schema_objects(previous.get(_SCHEMA_OBJECTS), frames[_SCHEMA_OBJECTS]),
            since(_SCHEMA_OBJECTS),
        )
        if whole.other_server is None and _SCHEMA_OBJECTS in frames
        else pl.DataFrame()
    )
    quality = whole.quality
    database = rows.get("database", pl.DataFrame())
    fell = not database.is_empty() and "reset" in database["quality"].to_list()
    if fell and quality in {"exact", "gap", "lower_bound"}:
        quality = "reset"
    known_start = whole.previous if not whole.clock_stepped_back else None
    return Computed(
        rows=rows,
        state={name: frames[name] for name in _kept(swept)},
        observations=_observations(swept, frames, seen),
        quality=quality,
        previous_ts=known_start.ts if known_start else None,
        notes=(*whole.notes(), *(f"{name}: {_OLDER}" for name in older)),
        covered=coverage.of_interval(rows, quality)
        if _compared_alike(swept, seen, {*older})
        else None,
    )


def _compared_alike(swept: Sweep, seen: Mapping[str, Observation], older: set[str]) -> bool:
    """Whether the rows of statements and database are of one and the same time."""
    both = {"statements", "database"}
    read = {*swept.frames, *swept.unchanged} - older
    return both <= read and both <= set(seen) and len({seen[name].ts for name in both}) == 1


def of_server(
    computed: Computed, sources: Iterable[Source], major: int, *, holds: bool, continued: bool
) -> Computed:
    """Return what a target keeps of its server's own families.

    Parameters
    ----------
    computed : Computed
    sources : Iterable of Source
        All there are, read or not.
    major : int
        Of the server.
    holds : bool
        Whether the target holds the server; else it keeps nothing of them.
    continued : bool
        Whether it did at its last sweep; else its older counters start no interval, this sweep's
        are the baseline.

    """
    if holds and continued:
        return computed
    wide = [source for source in sources if source.is_instance_wide(major)]
    counters = {source.ledger_table for source in wide if source.kind == "counters" or not holds}
    names = {source.name for source in wide}
    baseline = names & set(computed.state) if holds else set()
    samples = {source.name for source in wide if source.kind == "sample"} if holds else set()
    forgotten = names - baseline - samples
    forgotten |= {attempt(name) for name in forgotten}
    return replace(
        computed,
        rows={name: rows for name, rows in computed.rows.items() if name not in counters},
        state={name: frame for name, frame in computed.state.items() if name not in forgotten},
        observations={
            name: seen for name, seen in computed.observations.items() if name not in forgotten
        },
    )


def _is_older(source: Source, previous: pl.DataFrame | None) -> bool:
    """Whether a family's state lacks counters that it has today."""
    if source.family is None or previous is None:
        return False
    return not {*source.family.keys, *source.family.totals} <= {*previous.columns}


def _rows(
    source: Source,
    current: pl.DataFrame,
    previous: pl.DataFrame | None,
    since: Evidence,
    *,
    own_interval: bool,
) -> pl.DataFrame:
    if source.family is not None:
        rows = deltas.interval(previous, current, since, source.family)
        return _with_start(rows, since) if own_interval else rows
    if source.kind == "changes":
        return _settings_changes(previous, current, since)
    if source.kind == "survey":
        return current.filter(pl.col("is_new")).drop("is_new", "read_at")
    return current


@cache
def _nothing(family: Family) -> pl.DataFrame:
    text = pl.String()
    kinds = {**family.keys, **dict.fromkeys(family.names, text), "quality": text}
    kinds |= {**dict.fromkeys(family.totals, pl.Float64()), **family.counters, **family.gauges}
    return pl.DataFrame(schema={name: kinds[name] for name in family.columns})


def _settings_changes(
    previous: pl.DataFrame | None, current: pl.DataFrame, since: Evidence
) -> pl.DataFrame:
    if since.previous is None or since.other_server is not None:
        return pl.DataFrame()
    same_eyes = (since.previous.role_name, since.previous.sees_all) == (
        since.current.role_name,
        since.current.sees_all,
    )
    return _with_start(changes.settings(previous, current, comparable=same_eyes), since)


def _with_start(rows: pl.DataFrame, since: Evidence) -> pl.DataFrame:
    """Add where the interval of the rows began; its end, when the clock went back."""
    known = since.current if since.previous is None or since.clock_stepped_back else since.previous
    start = known.ts.astimezone(UTC).replace(tzinfo=None)
    return rows.with_columns(pl.lit(start, dtype=pl.Datetime("us")).alias("previous_ts"))


def _kept(swept: Sweep) -> list[str]:
    """Return the names of what the next sweep is compared with."""
    names = [source.name for source in swept.sources if source.kind != "sample"]
    return [name for name in (*names, _SCHEMA_OBJECTS) if name in swept.frames]


def _observations(
    swept: Sweep, frames: Mapping[str, pl.DataFrame], seen: Mapping[str, Observation]
) -> dict[str, Observation]:
    """Say of which sweep each family's state is, from now on, and what was tried in vain."""
    now = replace(swept.observation, fingerprint=None)
    major = now.server_version_num // 10_000
    known = {**seen, state.EVIDENCE: now}
    for source in swept.sources:
        if source.name in frames or source.name in swept.unchanged:
            known.pop(attempt(source.name), None)
            if source.kind != "sample" or source.every_seconds(major):
                known[source.name] = replace(now, fingerprint=swept.digests.get(source.name))
        elif source.every_seconds(major):
            known[attempt(source.name)] = now
    if swept.schema_read:
        known[_SCHEMA_OBJECTS] = replace(now, fingerprint=swept.fingerprint)
    if swept.size_read:
        known[SIZE] = now
    return known
