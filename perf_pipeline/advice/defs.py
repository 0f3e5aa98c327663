"""The asset of a target's advice, its checks, the job and its weekly schedule."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.advice.model import AREAS, SEVERITIES
from perf_pipeline.jobs import singleton_job, utc_schedule
from perf_pipeline.postgres.target import Target

if TYPE_CHECKING:
    from perf_pipeline.advice.gather import Given

FAMILY: Final = "advice"
JOB: Final = "advice_weekly"
NOTHING_CRITICAL: Final = "nothing_critical_is_advised"
AS_MEANT: Final = "settings_are_as_meant"


def key(target: Target) -> dg.AssetKey:
    """Return the key of a target's advice."""
    return vocabulary.key(target, FAMILY, "recommendations")


def advice_asset(target: Target) -> dg.AssetsDefinition:
    """Return the asset `<target>/advice/recommendations`."""
    of_it = key(target)

    @dg.asset(
        key=of_it,
        pool=vocabulary.pool(target),
        deps=[
            vocabulary.key(target, "rollup", "statements_hourly"),
            vocabulary.key(target, "rollup", "relations_daily"),
            vocabulary.key(target, "stats", "settings"),
        ],
        **vocabulary.head(
            target,
            FAMILY,
            "one thing a person may do: an index that is missing (tried on an empty copy of the "
            "schema and statistics), unused or there twice; a slow statement; a setting; the "
            "memory; a pool of connections; a table to vacuum",
            "Each with what was measured, its expected gain and cost, the exact statement, and how "
            "to see afterwards whether it was worth it. Nothing of it is ever done by itself.",
        ),
        check_specs=[
            dg.AssetCheckSpec(
                NOTHING_CRITICAL,
                asset=of_it,
                description="No advice is critical (an error), and none a warning.",
            ),
            dg.AssetCheckSpec(
                AS_MEANT,
                asset=of_it,
                description="Settings are as declared, none waits for a restart or loses data, "
                "and the memory is not promised twice.",
            ),
        ],
    )
    def recommendations(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.advice import gather

        with vocabulary.explained(), vocabulary.open_store() as store:
            given = gather.give(target, store)
        yield dg.MaterializeResult(
            metadata=metadata(given), check_results=[_critical(of_it, given), _meant(of_it, given)]
        )

    return recommendations


def metadata(given: "Given") -> vocabulary.Metadata:
    """Return the figures of an advice, and its first rows as a table and in full."""
    rows = [
        {
            "severity": each.severity,
            "kind": each.kind,
            "object": each.object_name,
            "gain": each.gain,
            "statement": each.statement,
        }
        for each in given.advice
    ]
    text = "\n\n".join(
        f"**{each.severity}: {each.kind}** {each.object_name}\n\n{each.evidence}\n\n"
        f"- gain: {each.gain}\n- cost: {each.cost}\n- do: `{each.statement}`\n"
        f"- afterwards: {each.verify}"
        for each in given.advice
        if each.area != "statements"  # their texts are in the store, not in events
    )
    tried = given.tried
    return {
        "dagster/row_count": len(given.advice),
        **{name: sum(e.severity == name for e in given.advice) for name in SEVERITIES},
        **{area: sum(e.area == area for e in given.advice) for area in AREAS},
        **(
            {
                "indexes_tried": tried.candidates,
                "statements_planned": tried.planned,
                "time_covered_percent": round(100.0 * tried.covered, 1),
                "trial_seconds": round(tried.seconds, 2),
            }
            if tried is not None
            else {}
        ),
        **({"advice": vocabulary.table(rows)} if rows else {}),
        **({"in_full": dg.MetadataValue.md(text[:20_000])} if text else {}),
        **({"confirmed": "; ".join(given.confirmed)} if given.confirmed else {}),
        **({"notes": "\n".join(given.notes)} if given.notes else {}),
    }


def _critical(of_it: dg.AssetKey, given: "Given") -> dg.AssetCheckResult:
    severe = [each for each in given.advice if each.severity in ("critical", "warning")]
    worst = any(each.severity == "critical" for each in severe)
    return dg.AssetCheckResult(
        asset_key=of_it,
        check_name=NOTHING_CRITICAL,
        passed=not severe,
        severity=vocabulary.severity(worst),
        description="; ".join(f"{each.kind} {each.object_name}" for each in severe[:5])
        or "as far as was looked",
        metadata={"advised": len(severe)},
    )


def _meant(of_it: dg.AssetKey, given: "Given") -> dg.AssetCheckResult:
    looked = "settings" in given.areas
    wrong = [each for each in given.advice if each.area == "settings" and each.severity != "info"]
    return dg.AssetCheckResult(
        asset_key=of_it,
        check_name=AS_MEANT,
        passed=looked and not wrong,
        severity=vocabulary.severity(any(each.severity == "critical" for each in wrong)),
        description="; ".join(each.evidence for each in wrong[:5])
        or ("as it should be" if looked else "they could not be looked at"),
        metadata={"settings": len(wrong)},
    )


def fleet_definitions(targets: Sequence[Target]) -> dg.Definitions:
    """Return the job over every target's advice, and its weekly schedule."""
    if not targets:
        return dg.Definitions()
    job = singleton_job(
        JOB,
        dg.AssetSelection.assets(*(key(target) for target in targets)),
        "Say of each target what a person may do about its indexes, statements, "
        "settings, connections and tables.",
        max_runtime_s=3600,
    )
    schedule = utc_schedule(
        job,
        "10 5 * * 1",
        "Advice on every target, Mondays at 05:10 UTC: the week that ended.",
    )
    return dg.Definitions(jobs=[job], schedules=[schedule])
