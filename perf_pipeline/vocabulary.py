"""What all our Dagster definitions share: keys, tags, pools, partitions, metadata, failures."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, TypedDict

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, migrate, progress, targets

#: What `define_asset_job` returns; dagster exports the function but not the type.
AssetJob = UnresolvedAssetJobDefinition

#: Metadata of an event: anything Dagster makes a MetadataValue of.
Metadata = dict[str, Any]

#: Families of statistics of one sweep, each an asset `<target>/stats/<family>`.
STATS: Final = (
    "statements",
    "tables",
    "indexes",
    "functions",
    "database",
    "activity",
    "server",
    "replication",
    "settings",
    "schema_objects",
    "bloat",
)
FLEET_GROUP: Final = "fleet"
PLATFORM_GROUP: Final = "platform"
#: Runs with the same value of this tag wait for each other (dagster.yaml, tag_concurrency_limits).
SINGLETON_TAG: Final = "perf_pipeline/singleton"
#: A run of any job on this Dagster instance that carries it did something to the target it names.
TARGET_TAG: Final = "perf_pipeline/target"
MAX_RUNTIME_TAG: Final = "dagster/max_runtime"
#: Dagster's own tags of a run over partitions; it exports no public constant for them.
PARTITION_TAG: Final = "dagster/partition"
RANGE_START_TAG: Final = "dagster/asset_partition_range_start"
RANGE_END_TAG: Final = "dagster/asset_partition_range_end"
#: A run in one of these states has work before it.
ACTIVE_STATUSES: Final = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
#: A table in an event is stored as JSON with it and read by a person: twenty rows are enough.
TABLE_ROWS: Final = 20


def key(target: Target, family: str, name: str) -> dg.AssetKey:
    """Return the asset key `<target>/<family>/<name>`."""
    return dg.AssetKey([target.name, family, name])


def tags(target: Target, family: str) -> dict[str, str]:
    """Return the tags of an asset of this target."""
    return {"target": target.name, "family": family}


def pool(target: Target) -> str:
    """Return the pool of steps that work on the target's own server."""
    return f"pg_{target.name}"


def described(target: Target, row: str, more: str = "") -> str:
    """Return an asset's description: what a row is, what else to know, what the database is for."""
    return "\n\n".join(part for part in (f"One row is {row}.", more, target.description) if part)


class Head(TypedDict):
    """What `dg.asset` and `dg.AssetSpec` are told of every asset of a target."""

    group_name: str
    kinds: set[str]
    owners: list[str]
    tags: dict[str, str]
    description: str


def head(
    target: Target, family: str, row: str, more: str = "", *, also: Collection[str] = ()
) -> Head:
    """Return an asset's group, kinds, owners, tags and description.

    Parameters
    ----------
    target : Target
    family : str
        Of its tags.
    row, more : str
        Of its description, see `described`.
    also : collection of str
        Its kinds besides `postgres`.

    """
    return {
        "group_name": target.name,
        "kinds": {"postgres", *also},
        "owners": list(target.owners),
        "tags": tags(target, family),
        "description": described(target, row, more),
    }


def daily(target: Target) -> dg.DailyPartitionsDefinition:
    """Return the target's UTC days from `history_start` to today.

    Today is included (`end_offset`), so that a day can be looked at before it ends.
    """
    return dg.DailyPartitionsDefinition(
        start_date=target.history_start.isoformat(), timezone="UTC", end_offset=1
    )


def daily_asset(
    target: Target,
    family: str,
    name: str,
    row: str,
    more: str = "",
    *,
    deps: Sequence[dg.AssetKey],
    made_with: str = "polars",
    check_specs: Sequence[dg.AssetCheckSpec] = (),
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Return the decorator of an asset of this target by UTC day; any range of days is one run.

    Parameters
    ----------
    target : Target
    family, name : str
        Of its key: `<target>/<family>/<name>`.
    row, more : str
        Of its description, see `described`.
    deps : sequence of AssetKey
        What it reads.
    made_with : str
        Its second kind, after `postgres`.
    check_specs : sequence of AssetCheckSpec
        Checks whose results it yields itself.

    """
    return dg.asset(
        key=key(target, family, name),
        **head(target, family, row, more, also=[made_with]),
        deps=deps,
        partitions_def=daily(target),
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=check_specs,
    )


@dataclass(frozen=True)
class Days:
    """The UTC days of a run, both ends included."""

    first: date
    last: date
    count: int

    def __str__(self) -> str:
        return str(self.first) if self.count == 1 else f"{self.first} to {self.last}"


def days(context: dg.AssetExecutionContext) -> Days:
    """Return the days a run is asked for.

    Raises
    ------
    dagster.Failure
        The run has no partition: its range is empty or runs backwards. Dagster itself would
        succeed and do nothing.

    """
    # a run of one day has a partition, a run of a range has its two ends, even for one day
    one_or_range = context.has_partition_key or context.has_partition_key_range
    keys = context.partition_keys if one_or_range else []
    if not keys:
        raise dg.Failure(
            description="this run has no day to work on: its range is empty or runs backwards; "
            "launch it again with the earlier day first",
            allow_retries=False,
        )
    window = context.partition_time_window
    last = (window.end - timedelta(days=1)).date()
    return Days(window.start.date(), last, len(keys))


@contextmanager
def open_store() -> Iterator[Store]:
    """Open the store, and refuse one whose schema is not this program's.

    Raises
    ------
    UnreachableError, ConfigurationError
        It cannot be opened, or needs `perf-pipeline store upgrade`.

    """
    with Store() as store:
        migrate.require_current(store)
        yield store


@contextmanager
def stage(
    context: dg.AssetExecutionContext, target: Target, name: str
) -> Iterator[tuple[Store, Days]]:
    """Open the store for one stage of the run's days, and note afterwards what it covers.

    Parameters
    ----------
    context : dagster.AssetExecutionContext
        Of a daily-partitioned asset.
    target : Target
    name : str
        One of `progress.STAGES`.

    Raises
    ------
    dagster.Failure
        No day to work on, or an error of ours, with its remedy.

    """
    asked = days(context)
    with explained(), open_store() as store:
        covered = progress.begin(store, target.name, name, asked.first, asked.last)
        rollup = name == progress.STAGES[0]
        rests_on = {} if rollup else progress.inputs(store, target.name, asked.first, asked.last)
        yield store, asked
        progress.finish(store, target.name, name, covered, rests_on)


def day_totals(store: Store, name: str, target: Target, asked: Days) -> Sequence[Mapping[str, Any]]:
    """Return the rows of `sql/store/day_totals_<name>.sql`: one per day with rows."""
    params = {
        "target_id": targets.find(store, target.name),
        "first": asked.first,
        "last": asked.last,
    }
    return store.rows(f"day_totals_{name}", params)


def table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Return the first rows as a table for an event; every row has the columns of the first."""
    records = [
        dg.TableRecord({name: _cell(value) for name, value in row.items()})
        for row in rows[:TABLE_ROWS]
    ]
    return dg.MetadataValue.table(records)


def _cell(value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def numbers(values: Mapping[str, float | int | None]) -> dict[str, float | int]:
    """Return those values that were measured, rounded; Dagster plots each over time.

    From 1000 on whole numbers, below 1 four significant digits, else three decimals.
    """
    return {name: _shorter(value) for name, value in values.items() if value is not None}


def _shorter(value: float | int) -> float | int:
    if not isinstance(value, float):
        return value
    if abs(value) >= 1000:
        return float(round(value))
    return float(f"{value:.4g}") if abs(value) < 1 else round(value, 3)


def severity(error: bool) -> dg.AssetCheckSeverity:
    """Return how bad a check that does not pass is: an error, else a warning."""
    return dg.AssetCheckSeverity.ERROR if error else dg.AssetCheckSeverity.WARN


@contextmanager
def explained() -> Iterator[None]:
    """Turn an error of ours into a step failure that shows its remedy, without a retry.

    Raises
    ------
    dagster.Failure
        For each `PerfPipelineError`.

    """
    try:
        yield
    except PerfPipelineError as error:
        metadata = {"remedy": error.remedy} if error.remedy else {}
        raise dg.Failure(str(error), metadata=metadata, allow_retries=False) from error


def add_day_metadata(
    context: dg.AssetExecutionContext, rows: Sequence[Mapping[str, Any]], zeros: Sequence[str]
) -> None:
    """Give each partition of this run its own figures; the row count of Dagster is `rows`.

    Parameters
    ----------
    context : dagster.AssetExecutionContext
    rows : sequence of Mapping
        One per day with rows: `day`, `rows`, and further numbers.
    zeros : sequence of str
        The numbers of a day without rows.

    """
    by_day = {str(row["day"]): {k: v for k, v in row.items() if k != "day"} for row in rows}
    for partition in context.partition_keys:
        figures = by_day.get(partition, dict.fromkeys(zeros, 0))
        count = figures.pop("rows", 0)
        context.add_asset_metadata(
            {"dagster/partition_row_count": count, **numbers(figures)}, partition_key=partition
        )


def active_run(instance: dg.DagsterInstance, job_name: str) -> str | None:
    """Return the id of a run of the job that is waiting or at work, None when there is none."""
    records = instance.get_run_records(
        dg.RunsFilter(job_name=job_name, statuses=list(ACTIVE_STATUSES)), limit=1
    )
    return records[0].dagster_run.run_id if records else None
