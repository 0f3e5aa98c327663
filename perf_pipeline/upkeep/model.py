"""The policy of one target's upkeep, as its YAML declares it."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres.target import Target
from perf_pipeline.upkeep.timing import Benchmark, require_names

#: What we do ourselves; other jobs take part in the policy by their name.
Doing = Literal["cleanup", "orphans", "reindex", "analyze"]
#: In the order in which one makes sense after the other.
DOINGS: Final[tuple[Doing, ...]] = ("cleanup", "orphans", "reindex", "analyze")
#: What an operation of the policy may do: change something, or look and tell.
Work = Literal["cleanup", "orphans", "reindex", "analyze", "find_orphans", "advise", "benchmark"]

_RELATION = r"^[^.\s]+\.[^.\s]+$"
_PERIOD = re.compile(r"^(?P<count>[1-9]\d{0,4}) (?P<unit>day|month|year)s?$")
_TIME = re.compile(r"^(?P<hour>[01]\d|2[0-4]):(?P<minute>[0-5]\d)$")

Relation = Annotated[str, Field(pattern=_RELATION, examples=["public.orders"])]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class _Part(BaseModel):
    """A part of the policy: unknown keys are refused, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Analyze(_Part):
    """When a table's statistics are gathered anew."""

    changed_percent: Annotated[
        float,
        Field(gt=0.0, le=100.0, description="Percent of a table's rows changed since the last."),
    ] = 5.0  # half of autovacuum's 10, which has its turn first on what changes fast
    minimum_changes: Annotated[
        int, Field(ge=1, description="Changed rows below which nothing is done.")
    ] = 50  # autovacuum_analyze_threshold


class Reindex(_Part):
    """When an index is rebuilt, concurrently."""

    bloat_percent: Annotated[
        float,
        Field(gt=0.0, lt=100.0, description="Percent of its bytes that a rebuild would save."),
    ] = 20.0
    minimum_mb: Annotated[
        float, Field(ge=0.0, description="Smaller indexes are left alone, MB of 1,000,000 bytes.")
    ] = 1.0
    minimum_scans: Annotated[
        int, Field(ge=0, description="Indexes used less often since their counters began are not.")
    ] = 0
    indexes: Annotated[
        tuple[str, ...],
        Field(description="Only indexes whose `schema.name` fits one of these patterns (* and ?)."),
    ] = ("*",)
    wait_seconds: Annotated[
        float,
        Field(
            gt=0.0,
            le=3_600.0,
            description="How long a rebuild may wait for transactions older than itself. Nobody "
            "waits behind it meanwhile: it takes no lock that stops a reader or writer.",
        ),
    ] = 30.0
    unseen_disk_mb: Annotated[
        float,
        Field(
            ge=0.0,
            description="Where the server's free disk space cannot be seen (it runs on another "
            "machine), indexes up to this size are rebuilt, larger ones only reported.",
        ),
    ] = 1_000.0


class Also(_Part):
    """Rows of another table that go with the deleted ones, in the same transaction."""

    table: Annotated[Relation, Field(description="schema.name of the other table.")]
    columns: Annotated[
        Mapping[str, str],
        Field(min_length=1, description="Column of the deleted row: equal column of the other."),
    ]


class Retention(_Part):
    """Rows of one table that are deleted when they are too old."""

    table: Annotated[Relation, Field(description="schema.name; a partitioned table counts whole.")]
    column: Annotated[str, Field(description="Their age: a timestamp or date.", examples=["at"])]
    keep: Annotated[
        str,
        Field(
            pattern=_PERIOD.pattern,
            description="How long rows are kept: a number of days, months or years.",
            examples=["90 days", "7 years"],
        ),
    ]
    only: Annotated[
        Mapping[str, bool | int | str],
        Field(description="Only rows whose columns have these values.", examples=[{"done": True}]),
    ] = {}
    also: Annotated[
        tuple[Also, ...], Field(description="Rows of other tables that go with them.")
    ] = ()

    def cutoff(self, now: datetime) -> datetime:
        """Return the moment before which rows are too old; months and years are the calendar's."""
        match = _PERIOD.match(self.keep)
        if match is None:  # pragma: no cover - the field's pattern
            raise ConfigurationError(f"keep: {self.keep!r} is no period", "write it as 90 days")
        count = int(match["count"])
        if match["unit"] == "day":
            return now - timedelta(days=count)
        months = count * (12 if match["unit"] == "year" else 1)
        month = now.year * 12 + now.month - 1 - months
        year, index = divmod(month, 12)
        if year < 1:
            raise ConfigurationError(f"keep: {self.keep!r} begins before year 1", "keep less")
        day = min(now.day, _days_of(year, index + 1))
        return now.replace(year=year, month=index + 1, day=day)


def _days_of(year: int, month: int) -> int:
    following = datetime(year + month // 12, month % 12 + 1, 1)
    return (following - timedelta(days=1)).day


class Cleanup(_Part):
    """How rows are deleted, or marked, in batches."""

    batch_rows: Annotated[int, Field(ge=1, le=100_000, description="Rows of one transaction.")] = (
        1_000
    )
    pause_ms: Annotated[int, Field(ge=0, le=60_000, description="Pause between two batches.")] = 10
    most_lag_mb: Annotated[
        float,
        Field(
            gt=0.0, description="WAL that a standby may be behind; with more, batches wait for it."
        ),
    ] = 64.0
    most_lag_wait_seconds: Annotated[
        float, Field(gt=0.0, description="How long, before the rest is left to the next time.")
    ] = 60.0


class Kind(_Part):
    """One kind of relationship and the tables it may lead from and to."""

    name: Annotated[str, Field(min_length=1, description="Value of the type column.")]
    source_tables: Annotated[tuple[str, ...], Field(min_length=1, description="Values allowed.")]
    target_tables: Annotated[tuple[str, ...], Field(min_length=1, description="Values allowed.")]
    active: Annotated[bool, Field(description="Whether relationships of it are still right.")] = (
        True
    )


class Bulk(_Part):
    """Functions that begin and end bulk mode, in one transaction; EXECUTE on them is the guard."""

    begin: Annotated[Relation, Field(description="schema.name: () returns void.")]
    end: Annotated[
        Relation,
        Field(description="schema.name: (operation text, records bigint) returns orphans bigint."),
    ]


class Relationships(_Part):
    """Rows that lead from a row of some table to a row of another, which no foreign key can hold.

    Its columns name two tables and two ids. Tables without a schema in their name are of
    `end_schema`.
    """

    table: Annotated[Relation, Field(description="schema.name of the relationships.")]
    key: Annotated[str, Field(description="Its unique column.")] = "id"
    type_column: Annotated[str, Field(description="Its kind.")] = "relationship_type"
    source_table: Annotated[str, Field(description="Column with the source's table.")] = (
        "source_table"
    )
    source_id: Annotated[str, Field(description="Column with the source's id.")] = "source_id"
    target_table: Annotated[str, Field(description="Column with the target's table.")] = (
        "target_table"
    )
    target_id: Annotated[str, Field(description="Column with the target's id.")] = "target_id"
    created_at: Annotated[str, Field(description="Column with the time it was made.")] = (
        "created_at"
    )
    archived: Annotated[
        str,
        Field(description="Boolean column that puts a row out of use, of it and of the ends."),
    ] = "archived"
    end_key: Annotated[str, Field(description="Column that the ids are of.")] = "id"
    end_schema: Annotated[str, Field(description="Schema of ends named without one.")] = "public"
    kinds: Annotated[tuple[Kind, ...], Field(description="What is allowed.")] = ()
    kinds_table: Annotated[
        Relation | None,
        Field(
            description="Read the kinds from this table instead: columns relationship_type, "
            "valid_source_tables, valid_target_tables (arrays), is_active."
        ),
    ] = None
    minimum_age_minutes: Annotated[
        int,
        Field(ge=0, description="Younger ones are not cleaned: their ends may be on their way."),
    ] = 60
    batch_rows: Annotated[
        int | None, Field(ge=1, le=100_000, description="Instead of that of `cleanup`.")
    ] = None
    bulk: Annotated[
        Bulk | None, Field(description="How validation is suspended for bulk work, if it may be.")
    ] = None

    @model_validator(mode="after")
    def _one_source_of_kinds(self) -> Self:
        if bool(self.kinds) == (self.kinds_table is not None):
            raise ValueError("give either kinds or kinds_table")
        names = [kind.name for kind in self.kinds]
        if len(set(names)) < len(names):
            raise ValueError(f"a kind is there twice among {sorted(names)}")
        return self


class Window(_Part):
    """When work may begin, in UTC; it may end on the next day."""

    days: Annotated[
        tuple[Day, ...], Field(min_length=1, description="Days on which it begins.")
    ] = _DAYS
    begins: Annotated[str, Field(pattern=_TIME.pattern, description="HH:MM", examples=["01:00"])]
    ends: Annotated[
        str,
        Field(
            pattern=_TIME.pattern,
            description="HH:MM; 24:00 is midnight; not later than `begins`: on the next day.",
            examples=["06:00"],
        ),
    ]

    @model_validator(mode="after")
    def _not_beyond_midnight(self) -> Self:
        if self.begins.startswith("24") or (self.ends > "24:00"):
            raise ValueError(f"{self.begins} to {self.ends}: a day has 24 hours")
        return self

    def covers(self, moment: datetime) -> datetime | None:
        """Return when the window that is open at a moment (UTC) closes, None when none is."""
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        begins, ends = _minutes(self.begins), _minutes(self.ends)
        for start in (midnight, midnight - timedelta(days=1)):
            if _DAYS[start.weekday()] not in self.days:
                continue
            opened = start + begins
            closes = start + ends + (timedelta(days=1) if ends <= begins else timedelta())
            if opened <= moment < closes:
                return closes
        return None


def _minutes(text: str) -> timedelta:
    hour, minute = text.split(":")
    return timedelta(hours=int(hour), minutes=int(minute))


class Operation(_Part):
    """One line of the policy: what is done, when, how long, and after what."""

    name: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$", description="Its name, part of a job's.")
    ]
    does: Annotated[
        Work | None, Field(description="What of upkeep it does; or name another `job`.")
    ] = None
    job: Annotated[
        str | None,
        Field(description="A Dagster job that has its own schedule or sensor: watched only."),
    ] = None
    cron: Annotated[
        str | None, Field(description="When it is due, UTC; with `does`.", examples=["0 4 * * 0"])
    ] = None
    max_minutes: Annotated[int, Field(ge=1, le=1_440, description="The run is ended then.")] = 60
    work_minutes: Annotated[
        int | None,
        Field(ge=1, description="No batch or index begins later than this; default: the former."),
    ] = None
    priority: Annotated[int, Field(ge=1, le=10, description="1 goes first.")] = 5
    depends_on: Annotated[
        tuple[str, ...],
        Field(description="Operations that must have succeeded within the last day."),
    ] = ()
    windows: Annotated[
        tuple[Window, ...], Field(description="It begins within one of these; none: at any time.")
    ] = ()
    enabled: Annotated[bool, Field(description="Whether it begins by itself.")] = True

    @model_validator(mode="after")
    def _does_or_job(self) -> Self:
        if (self.does is None) == (self.job is None):
            raise ValueError(f"operation {self.name}: give either does or job")
        if (self.does is None) != (self.cron is None):
            raise ValueError(f"operation {self.name}: cron goes with does; a job has its own")
        return self

    @property
    def seconds(self) -> float:
        """How long work may begin."""
        return 60.0 * min(self.work_minutes or self.max_minutes, self.max_minutes)


class Policy(_Part):
    """Upkeep of one target."""

    analyze: Annotated[Analyze, Field(description="When statistics are gathered.")] = Analyze()
    reindex: Annotated[Reindex, Field(description="When indexes are rebuilt.")] = Reindex()
    retention: Annotated[
        tuple[Retention, ...], Field(description="What rows are deleted when.")
    ] = ()
    cleanup: Annotated[Cleanup, Field(description="How rows are deleted or marked.")] = Cleanup()
    relationships: Annotated[
        Relationships | None, Field(description="What orphans are looked for in.")
    ] = None
    benchmarks: Annotated[tuple[Benchmark, ...], Field(description="What is timed.")] = ()
    operations: Annotated[tuple[Operation, ...], Field(description="What is done when.")] = ()

    @model_validator(mode="after")
    def _operations_fit(self) -> Self:
        names = [operation.name for operation in self.operations]
        if len(set(names)) < len(names):
            raise ValueError(f"an operation is there twice among {sorted(names)}")
        for operation in self.operations:
            unknown = set(operation.depends_on) - set(names)
            if unknown:
                raise ValueError(f"operation {operation.name} depends on unknown {sorted(unknown)}")
            if operation.does == "cleanup" and not self.retention:
                raise ValueError(f"operation {operation.name} needs a rule in retention")
            if operation.does in ("orphans", "find_orphans") and self.relationships is None:
                raise ValueError(f"operation {operation.name} needs relationships")
            if operation.does == "benchmark" and not self.benchmarks:
                raise ValueError(f"operation {operation.name} needs benchmarks")
        _refuse_circles(self.operations)
        require_names(self.benchmarks)
        return self

    def operation(self, name: str) -> Operation:
        """Return an operation by its name.

        Raises
        ------
        ConfigurationError
            There is none; the message lists those that are.

        """
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise ConfigurationError(
            f"operation {name!r} is not declared",
            f"declared: {', '.join(o.name for o in self.operations) or 'none'}",
        )


def _refuse_circles(operations: tuple[Operation, ...]) -> None:
    left = {operation.name: set(operation.depends_on) for operation in operations}
    while left:
        free = {name for name, needs in left.items() if not needs & left.keys()}
        if not free:
            raise ValueError(f"operations wait for each other: {sorted(left)}")
        left = {name: needs for name, needs in left.items() if name not in free}


def policy_of(target: Target) -> Policy | None:
    """Return the policy a target declares, None where it declares none."""
    return target.upkeep if isinstance(target.upkeep, Policy) else None


def require_policy(target: Target) -> Policy:
    """Return the policy a target declares.

    Raises
    ------
    ConfigurationError
        It declares none.

    """
    found = policy_of(target)
    if found is None:
        raise ConfigurationError(
            f"target {target.name!r} declares no upkeep", "add a block `upkeep:` to its YAML"
        )
    return found
