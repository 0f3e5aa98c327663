"""Likely causes of a finding, ranked with the evidence shown; pure.

A cause is an event near the onset. Its score, 0 to 1, is a product: how often that kind of event
causes such a change, how near it is, whether the statement concerns the event's relation, and
what the statistics of that relation say. The weights order causes; they are not probabilities.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from perf_pipeline.regressions.events import RELEASE_TAGS, Event
from perf_pipeline.regressions.summary import short

#: Kind of event -> weight for a rise and for a fall of time per call.
KIND_WEIGHT: dict[str, tuple[float, float]] = {
    "index_dropped": (1.0, 0.2),
    "index_created": (0.3, 1.0),
    "index_altered": (0.7, 0.5),
    "server_upgraded": (0.7, 0.7),
    "planner_setting_changed": (0.55, 0.55),
    "server_replaced": (0.5, 0.5),
    "view_altered": (0.6, 0.6),
    "function_altered": (0.6, 0.6),
    "table_altered": (0.5, 0.5),
    "column_altered": (0.5, 0.5),
    "column_created": (0.4, 0.2),
    "column_dropped": (0.3, 0.4),
    "server_restarted": (0.4, 0.2),
    "table_analyzed": (0.3, 0.4),
    "table_vacuumed": (0.15, 0.35),
    "setting_changed": (0.15, 0.15),
    "statistics_reset": (0.1, 0.1),
    "materialized_view_altered": (0.6, 0.6),
    "view_refreshed": (0.35, 0.3),
    # told by people, deployments, Dagster
    "deploy": (0.6, 0.5),
    "tag_first_seen": (0.45, 0.35),
    "load_test": (0.6, 0.1),
    "load_test_ended": (0.05, 0.6),
    "dagster_run": (0.35, 0.2),
    "dagster_run_ended": (0.3, 0.3),
    # what the statement itself was seen to do
    "lock_waits_rose": (0.8, 0.0),
    "lock_waits_fell": (0.0, 0.8),
    "table_grew": (0.4, 0.0),
    "table_shrank": (0.0, 0.4),
    "table_bloated": (0.45, 0.0),
    "plan_changed": (0.35, 0.35),
    # what everything on the server meets
    "other_load_rose": (0.45, 0.0),
    "other_load_fell": (0.0, 0.45),
    "processors_rose": (0.45, 0.0),
    "processors_fell": (0.0, 0.45),
    "disk_waits_rose": (0.45, 0.0),
    "disk_waits_fell": (0.0, 0.45),
    "disk_rose": (0.35, 0.0),
    "disk_fell": (0.0, 0.35),
    "swapping_rose": (0.5, 0.0),
    "swapping_fell": (0.0, 0.5),
    "checkpoints_rose": (0.35, 0.0),
    "checkpoints_fell": (0.0, 0.35),
    "wal_rose": (0.25, 0.0),
    "wal_fell": (0.0, 0.25),
    "connections_rose": (0.25, 0.0),
    "connections_fell": (0.0, 0.25),
    "replication_lag_rose": (0.15, 0.0),
    "replication_lag_fell": (0.0, 0.15),
}
OTHER_WEIGHT = (0.2, 0.2)

#: What acts through one part of the time per call, by the beginning of its kind. A cause fits when
#: that part is most of the change, and hardly when it is next to nothing of it.
ACTS_ON: dict[str, tuple[str, ...]] = {
    "disk_": ("read", "write", "io"),
    "swapping_": ("read", "write", "io", "rest"),
    "checkpoints_": ("read", "write", "io"),
    "wal_": ("read", "write", "io", "rest"),
    "processors_": ("rest",),
}
MOST, LITTLE = 0.5, 0.2
FITS, FITS_PARTLY, FITS_UNKNOWN, FITS_HARDLY = 1.0, 0.7, 0.8, 0.3
#: What happens to the same thing so often in the day before is habit.
HABIT, HABITUAL = 3, 0.3

#: Proximity of an event as far outside the onset's interval as we look at all.
FARTHEST = 0.5
#: Affinity by what the statement's text says about the event's relation.
NAMED_AND_COLUMN, NAMED, TEXT_UNKNOWN, NOT_NAMED = 1.0, 0.85, 0.5, 0.05
#: An index nobody scanned is no loss; one of which nothing is known may be.
USED, USE_UNKNOWN, UNUSED = 1.0, 0.8, 0.2
#: A lost index shows as sequential reads of its table; a rise of this factor counts.
READS_RATIO = 2.0
READS_ROSE, READS_UNKNOWN, READS_SAME = 1.0, 0.9, 0.6
#: Causes kept for a finding, and the score below which an event is not worth naming.
MOST_CAUSES = 5
LEAST_SCORE = 0.05

#: What answers a rate per second of an index or a table between two instants, None if unknown.
Rate = Callable[[str, datetime, datetime], float | None]


@dataclass(frozen=True)
class Onset:
    """Where and in what a change began.

    Attributes
    ----------
    direction : str
        `up` or `down`.
    start, end : datetime
        The change lies in `(start, end]`: end of the sample before, end of the first new one.
    earliest, latest : datetime
        The same, one sample wider on each side.
    before, after : datetime
        How far back and ahead statistics may be compared.
    text : str or None
        The statement, redacted; None when it was not read.
    queryid : int or None
    shares : Mapping of part to float
        Parts of the change of time per call, see `decompose`; empty where it was not split.

    """

    direction: str
    start: datetime
    end: datetime
    earliest: datetime
    latest: datetime
    before: datetime
    after: datetime
    text: str | None
    queryid: int | None = None
    shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Cause:
    """One likely cause."""

    kind: str
    object: str
    at: datetime
    score: float
    evidence: tuple[str, ...]


def mentions(text: str, relation: str) -> bool:
    """Return whether a statement's text names a relation, with its schema or without any.

    Parameters
    ----------
    text : str
    relation : str
        `schema.table`, quoted where needed. A table of that name in another schema does not count.

    """
    schema, _, table = relation.replace('"', "").lower().rpartition(".")
    plain = text.replace('"', "").lower()
    qualifier = rf"(?:{re.escape(schema)}\s*\.\s*)?" if schema else ""
    return re.search(rf"(?<![\w$.]){qualifier}{re.escape(table)}(?![\w$])", plain) is not None


def _word(text: str, word: str) -> bool:
    pattern = rf"(?<![\w$]){re.escape(word)}(?![\w$])"
    return re.search(pattern, text.replace('"', "").lower()) is not None


def _proximity(event: Event, onset: Onset) -> float:
    """1 inside the onset's interval, falling to `FARTHEST` one sample outside, else 0."""
    if event.end > onset.start and event.start < onset.end:
        return 1.0
    if event.end <= onset.start:
        gap, reach = onset.start - event.end, onset.start - onset.earliest
    else:
        gap, reach = event.start - onset.end, onset.latest - onset.end
    if gap > reach:
        return 0.0
    return 1.0 - (1.0 - FARTHEST) * (gap / reach if reach else 0.0)


def _clock(ts: datetime) -> str:
    return ts.isoformat(sep=" ", timespec="seconds")


def _affinity(event: Event, onset: Onset, evidence: list[str]) -> float:
    text = onset.text
    if event.statements is not None:
        return _carries(event, onset.queryid, evidence)
    if event.relation is None and not event.kind.startswith(("view", "materialized", "function")):
        return 1.0
    name = event.relation or event.object.partition("(")[0]
    if text is None:
        evidence.append(f"whether the statement uses {name} is not known: no text")
        return TEXT_UNKNOWN
    if not mentions(text, name):
        evidence.append(f"the statement does not name {name}")
        return NOT_NAMED
    column = next((word for word in event.words if _word(text, word)), None)
    if column is not None:
        evidence.append(f"the statement names {name} and {column}")
        return NAMED_AND_COLUMN
    evidence.append(f"the statement names {name}")
    return NAMED


def _carries(event: Event, queryid: int | None, evidence: list[str]) -> float:
    """Return 1 for a statement that carries a tag; a release concerns the others, too."""
    if event.statements is not None and queryid in event.statements:
        evidence.append("the statement carries the tag")
        return 1.0
    release = event.object.partition("=")[0] in RELEASE_TAGS
    evidence.append("other statements carry the tag, this one does not")
    return TEXT_UNKNOWN if release else NOT_NAMED


def _fit(event: Event, onset: Onset, evidence: list[str]) -> float:
    """Compare what a cause acts on with what the change of time per call is made of."""
    acts = next((on for kind, on in ACTS_ON.items() if event.kind.startswith(kind)), None)
    if acts is None:
        return 1.0
    if not onset.shares or "untold" in onset.shares:
        return FITS_UNKNOWN
    share = sum(onset.shares.get(part, 0.0) for part in acts)
    what = "computing and untimed waits" if acts == ("rest",) else "reading and writing"
    evidence.append(f"{share * 100:.0f} % of the change of time per call is {what}")
    if share >= MOST:
        return FITS
    return FITS_HARDLY if share < LITTLE else FITS_PARTLY


def _habit(times: int, evidence: list[str]) -> float:
    if times < HABIT:
        return 1.0
    evidence.append(f"the same happened {times} times in the day before")
    return HABITUAL


def _usage(event: Event, onset: Onset, scans: Rate, evidence: list[str]) -> float:
    if event.kind != "index_dropped":
        return 1.0
    rate = scans(event.object, onset.before, onset.start)
    if rate is None:
        return USE_UNKNOWN
    if rate == 0:
        evidence.append("the index was not scanned before")
        return UNUSED
    evidence.append(f"the index was scanned {short(rate)} times a second before")
    return USED


def _reads(event: Event, onset: Onset, reads: Rate, evidence: list[str]) -> float:
    if event.kind not in {"index_dropped", "index_created"} or event.relation is None:
        return 1.0
    old = reads(event.relation, onset.before, onset.start)
    new = reads(event.relation, onset.end, onset.after)
    if old is None or new is None:
        return READS_UNKNOWN
    more, less = (new, old) if event.kind == "index_dropped" else (old, new)
    if more > 0 and more >= READS_RATIO * less:
        verb = "rose" if event.kind == "index_dropped" else "fell"
        evidence.append(
            f"sequential reads of {event.relation} {verb} from {short(old)} to {short(new)}"
            " rows a second"
        )
        return READS_ROSE
    return READS_SAME


def causes(
    onset: Onset,
    events: Iterable[Event],
    scans: Rate,
    reads: Rate,
    habit: Callable[[Event, datetime], int] | None = None,
) -> list[Cause]:
    """Return the likely causes of one finding, likeliest first.

    Parameters
    ----------
    onset : Onset
    events : Iterable of Event
    scans : Rate
        Scans per second of an index (`schema.index`).
    reads : Rate
        Rows read sequentially per second of a table (`schema.table`).
    habit : Callable, optional
        How often the same as an event happened in the day before an instant.

    """
    found = []
    for event in events:
        proximity = _proximity(event, onset)
        if proximity == 0:
            continue
        evidence = [
            f"between {_clock(event.start)} and {_clock(event.end)} UTC;"
            f" the change began between {_clock(onset.start)} and {_clock(onset.end)}"
        ]
        rise, fall = KIND_WEIGHT.get(event.kind, OTHER_WEIGHT)
        score = (
            (rise if onset.direction == "up" else fall)
            * proximity
            * _affinity(event, onset, evidence)
            * _usage(event, onset, scans, evidence)
            * _reads(event, onset, reads, evidence)
            * _fit(event, onset, evidence)
            * _habit(habit(event, onset.earliest) if habit else 0, evidence)
        )
        if event.detail:
            evidence.append(event.detail)
        if score >= LEAST_SCORE:
            found.append(
                Cause(event.kind, event.object, event.end, round(score, 3), tuple(evidence))
            )
    best = sorted(set(found), key=lambda c: (-c.score, c.kind, c.object, c.at))
    return best[:MOST_CAUSES]


def to_json(ranked: Sequence[Cause]) -> str:
    """Return causes as the JSON text of `perf_mgmt.findings.causes`."""
    return json.dumps(
        [
            {
                "kind": cause.kind,
                "object": cause.object,
                "at": cause.at.replace(tzinfo=UTC).isoformat(),
                "score": cause.score,
                "evidence": list(cause.evidence),
            }
            for cause in ranked
        ],
        separators=(",", ":"),
        ensure_ascii=False,
    )
