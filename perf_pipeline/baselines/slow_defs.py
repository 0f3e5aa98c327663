"""Statements that are slow right now in Dagster: a check, and the sensor that looks in between."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store

if TYPE_CHECKING:
    from perf_pipeline.baselines.slow_now import Now

#: The check on `<target>/report/slow_queries` that needs no day.
NOW_CHECK: Final = "nothing_is_slower_now"
SENSOR: Final = "monitor_slow_queries"
#: As described: every five minutes, as often as targets are swept.
_EVERY_S: Final = 300


def _key(target: Target) -> dg.AssetKey:
    return vocabulary.key(target, "report", "slow_queries")


def now_check(target: Target) -> dg.AssetChecksDefinition:
    """Return the check of the last hour's sweeps; the sensor reports it in between."""

    @dg.asset_check(
        asset=_key(target),
        name=NOW_CHECK,
        description="In the last hour's sweeps no statement called more than five times at more "
        "than a second per call was slower than 1.2 times its baseline. The sensor "
        f"`{SENSOR}` looks every five minutes and reports what has changed.",
    )
    def nothing_is_slower_now() -> dg.AssetCheckResult:
        with vocabulary.explained(), vocabulary.open_store() as store:
            found = _look(store, target, datetime.now(UTC))
        event = _event(target, found)
        return dg.AssetCheckResult(
            passed=event.passed,
            severity=event.severity,
            description=event.description,
            metadata=event.metadata,
        )

    return nothing_is_slower_now


def _look(store: Store, target: Target, now: datetime) -> "Now":
    from perf_pipeline.baselines import slow_now
    from perf_pipeline.baselines.slow import Limits

    return slow_now.look(store, target.name, now, limits=Limits.of(target.regression_limits))


def standing(found: "Now") -> str:
    """Return what the check says, in a word: which statements are slower, and how much."""
    if found.swept_at is None:
        return "not swept"
    said = [f"{row['queryid']}/{row['userid']}:{row['state']}" for row in found.slower]
    return ",".join(sorted(said)[:20]) + f";{len(said)}"


def _event(target: Target, found: "Now") -> dg.AssetCheckEvaluation:
    worse = found.slower
    told = "; ".join(
        f"statement {row['queryid']}: {row['state']}, {row['mean_ms']:,.0f} ms per call, "
        f"{row['change']:+.0%}: {row['action']}"
        for row in worse[:5]
    )
    swept = found.swept_at is not None
    return dg.AssetCheckEvaluation(
        asset_key=_key(target),
        check_name=NOW_CHECK,
        passed=swept and not worse,
        severity=dg.AssetCheckSeverity.WARN,
        description=(told or "none is slower than usual")
        if swept
        else "not swept in the last hour",
        metadata={
            name: dg.MetadataValue.int(count)
            for name, count in {
                "slower": len(worse),
                "above_a_second": sum(row["mean_ms"] > 1000.0 for row in found.rows),
                "above_100_ms": len(found.rows),
            }.items()
        },
    )


def slow_sensor(targets: Sequence[Target]) -> dg.SensorDefinition:
    """Return the sensor `monitor_slow_queries`: every five minutes, all targets.

    Parameters
    ----------
    targets : sequence of Target

    """

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=_EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Compares the statements of the last hour's sweeps with their baselines, and "
        f"reports the check `{NOW_CHECK}` where it says something else than before. Asks the "
        "store alone, starts no run.",
    )
    def monitor_slow_queries(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        before: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        now, said, events = datetime.now(UTC), {}, []
        notes: list[str] = []
        try:
            with vocabulary.open_store() as store:
                for target in targets:
                    try:
                        found = _look(store, target, now)
                    except PerfPipelineError as error:
                        # one that was never swept says so; the others are looked at
                        notes.append(f"{target.name}: {error.message}")
                        continue
                    said[target.name] = standing(found)
                    if said[target.name] != before.get(target.name, ";0"):
                        events.append(_event(target, found))
        except PerfPipelineError as error:
            return dg.SensorResult(skip_reason=dg.SkipReason(str(error)))
        return dg.SensorResult(
            asset_events=events,
            cursor=json.dumps({**before, **said}, sort_keys=True),
            skip_reason=None
            if events
            else dg.SkipReason("; ".join(notes) or "as it was at the last look"),
        )

    return monitor_slow_queries
