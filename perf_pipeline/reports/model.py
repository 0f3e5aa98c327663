"""What a report is made of: plain facts of one target and UTC day, sorted, nothing rendered.

Times are naive UTC; times of work are milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

#: Findings in the order a reader should meet them.
SEVERITIES = ("critical", "warning", "info", "improvement")


#: Tags of a statement: (key, its values), from the comments of the clients that sent it.
Tags = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Statement:
    """A statement: its identity in `pg_stat_statements` and its redacted text.

    `text` may be cut when read (very long ones); `text_length` is the whole length. The server
    keeps the comment of a first execution only: `tags` say who was seen to send it, not who does
    most often.
    """

    queryid: int
    userid: int = 0
    dbid: int = 0
    toplevel: bool = True
    text: str | None = None
    text_length: int = 0
    tags: Tags = ()

    @property
    def key(self) -> tuple[int, int, int, bool]:
        """What tells it from others: queryid, userid, dbid, toplevel."""
        return (self.queryid, self.userid, self.dbid, self.toplevel)


@dataclass(frozen=True)
class Point:
    """One interval of a series: its end, the value, the calls it rests on."""

    ts: datetime
    value: float
    calls: int = 0


@dataclass(frozen=True)
class Band:
    """What was normal from `start` to `end`."""

    start: datetime
    end: datetime
    low: float
    high: float


@dataclass(frozen=True)
class Event:
    """Something that happened to the database, known to lie in `(after, ts]`."""

    ts: datetime
    after: datetime | None
    kind: str
    what: str


@dataclass(frozen=True)
class Cause:
    """One likely cause; `at` is an ISO instant or None, `score` 0 to 1."""

    kind: str
    object: str
    at: str | None
    score: float
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chart:
    """A finding's series around its onset."""

    points: tuple[Point, ...]
    bands: tuple[Band, ...] = ()
    events: tuple[Event, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One detected change; the fields are those of `perf_mgmt.findings`."""

    finding_id: str
    incident_id: str
    is_new: bool
    statement: Statement
    metric: str
    grain: str
    onset: datetime
    direction: str
    old_level: float
    new_level: float
    relative_change: float
    relative_change_low: float
    relative_change_high: float
    p_value: float
    q_value: float
    baseline_level: float | None
    baseline_tier: str | None
    severity: str
    policy: str
    calls_per_day: float
    added_ms_per_day: float
    causes: tuple[Cause, ...] = ()
    #: The decoded JSON of `perf_mgmt.findings.evidence`.
    evidence: Mapping[str, Any] = field(default_factory=dict)
    chart: Chart | None = None
    #: SQL for the store that returns the series, parameters filled in.
    query: str = ""


@dataclass(frozen=True)
class Incident:
    """Findings with one cause, worst first, and the causes of all of them, likeliest first."""

    incident_id: str
    findings: tuple[Finding, ...]
    causes: tuple[Cause, ...]

    @property
    def severity(self) -> str:
        """Severity of the worst finding."""
        return self.findings[0].severity

    @property
    def added_ms_per_day(self) -> float:
        """Time the incident adds to a day."""
        return sum(finding.added_ms_per_day for finding in self.findings)


@dataclass(frozen=True)
class StatementDay:
    """One statement's day: `hours` holds the execution time of each of its 24 hours."""

    statement: Statement
    calls: int
    total_ms: float
    share: float
    hours: tuple[float, ...] = ()


@dataclass(frozen=True)
class Unjudged:
    """A statement that ran but in which a change could not have been told from noise."""

    statement: Statement
    reason: str
    calls: int
    total_ms: float
    share: float


@dataclass(frozen=True)
class Judgement:
    """How much of the day's work could be judged; shares are of its execution time."""

    statements: int = 0
    unjudged: int = 0
    unjudged_share: float = 0.0
    #: (reason, statements, share of time), commonest time first.
    reasons: tuple[tuple[str, int, float], ...] = ()
    examples: tuple[Unjudged, ...] = ()


@dataclass(frozen=True)
class Blind:
    """A statement in which only large rises would be seen.

    `smallest` is the least rise (0.2: 20 %) that one day shows, None where none would be, and
    `outcome` then says why; `share` is of the execution time.
    """

    statement: Statement
    smallest: float | None
    outcome: str
    share: float


@dataclass(frozen=True)
class Sensitivity:
    """How small a rise would be seen within a day, as a calibration up to `as_of` measured it.

    `seen` holds sizes of a rise, and the share of execution time that is in statements in which
    such a rise would be seen.
    """

    as_of: date
    statements: int
    seen: tuple[tuple[float, float], ...]
    blind: tuple[Blind, ...]


@dataclass(frozen=True)
class Verdict:
    """A change that is not told, because somebody said that it is expected, or false."""

    statement: Statement
    verdict: str
    by: str
    at: datetime
    reason: str
    metric: str
    direction: str
    onset: datetime
    old_level: float
    new_level: float


@dataclass(frozen=True)
class Gap:
    """Time of the day about which nothing exact is known, and why."""

    start: datetime
    end: datetime
    why: str


@dataclass(frozen=True)
class Coverage:
    """The day's sweeps: how many, how good, how much of the day they cover, what they cost."""

    sweeps: int = 0
    sources: tuple[tuple[str, int], ...] = ()
    qualities: tuple[tuple[str, int], ...] = ()
    exact_seconds: float = 0.0
    gaps: tuple[Gap, ...] = ()
    #: 95th percentile of the time to connect; the other costs are sums.
    connect_ms: float | None = None
    database_ms: float | None = None
    duration_ms: float | None = None
    temp_bytes: int | None = None
    rows_read: int | None = None
    rows_written: int | None = None
    dealloc: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Database:
    """What the whole database did that day; None where no sweep saw it."""

    active_ms: float | None = None
    statement_ms: float | None = None
    blks_hit: int = 0
    blks_read: int = 0
    commits: int = 0
    rollbacks: int = 0
    deadlocks: int = 0
    temp_bytes: int = 0
    database_bytes: int | None = None


@dataclass(frozen=True)
class Sla:
    """Service levels of the day; None where it cannot be measured."""

    p95_ms: float | None = None
    cache_hit_ratio: float | None = None
    connection_ms: float | None = None
    calls: int = 0


@dataclass(frozen=True)
class SchemaChange:
    """An object created, dropped or altered between two sweeps."""

    ts: datetime
    after: datetime
    kind: str
    object: str
    relation: str | None
    change: str
    before: str | None
    definition: str | None


@dataclass(frozen=True)
class SettingChange:
    """A server setting that changed between two sweeps."""

    ts: datetime
    after: datetime
    name: str
    before: str | None
    value: str | None
    unit: str | None
    pending_restart: bool


@dataclass(frozen=True)
class Told:
    """Something done to the database that a person or a program told us of: a deploy, say."""

    kind: str
    object: str
    began: datetime
    ended: datetime | None
    detail: str
    source: str


@dataclass(frozen=True)
class CachedHour:
    """What was invalidated of one cache type in an hour (naive UTC).

    `refreshed` refreshes answered `changes` changes; times in seconds, staleness the largest of the
    hour's runs, None where nothing was refreshed.
    """

    hour: datetime
    cache_type: str
    changes: int
    refreshed: int
    failed: int
    dead: int
    process_s: float
    slowest_s: float
    staleness_p50_s: float | None
    staleness_p99_s: float | None
    staleness_max_s: float | None


@dataclass(frozen=True)
class Alerted:
    """An incident of alerts, as it was known when the report was made (naive UTC).

    `taken`: somebody has acknowledged it; who is not told. `done` are the answers to it, in words.
    """

    incident_id: str
    level: str
    title: str
    opened: datetime
    resolved: datetime | None
    taken: bool
    breaches: int
    done: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportData:
    """Everything one report says."""

    target: str
    day: date
    code_version: str
    findings: tuple[Finding, ...] = ()
    judgement: Judgement = field(default_factory=Judgement)
    sensitivity: Sensitivity | None = None
    verdicts: tuple[Verdict, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)
    database: Database = field(default_factory=Database)
    sla: Sla = field(default_factory=Sla)
    total_ms: float = 0.0
    top: tuple[StatementDay, ...] = ()
    schema_changes: tuple[SchemaChange, ...] = ()
    #: How many there were: more than are listed when many.
    schema_changes_total: int = 0
    settings_changes: tuple[SettingChange, ...] = ()
    #: Hours in which cached values were invalidated; none where nothing is declared.
    cached: tuple[CachedHour, ...] = ()
    #: Incidents of alerts that were open that day or in the two before.
    alerted: tuple[Alerted, ...] = ()
    #: Name of a section -> SQL for the store that shows its rows, parameters filled in.
    queries: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Report:
    """One rendered report.

    `content_hash` is the SHA-256 of the page, its own place in it filled with zeros.
    """

    day: date
    html: str
    markdown: str
    content_hash: str
    findings: int
    incidents: int
    #: Findings with severity critical or warning that nobody has acknowledged.
    regressions: int
