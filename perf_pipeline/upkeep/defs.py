"""Assets, checks, jobs, schedules and the sensor of upkeep; what is done is elsewhere.

Each operation of a target's policy is a job with a schedule of its own. A schedule's tick asks
`windows.decide`, and so does the sensor, which begins later what could not begin then.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
from pydantic import Field

from perf_pipeline import vocabulary
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import measurements
from perf_pipeline.upkeep.model import Doing, Policy, Relationships, Work, policy_of
from perf_pipeline.upkeep.timing import Benchmark

if TYPE_CHECKING:
    from perf_pipeline.upkeep.apply import Done

FAMILY: Final = "upkeep"
#: Asset of each kind of work.
ASSETS: Final[Mapping[Work, str]] = {
    "analyze": "statistics",
    "reindex": "indexes",
    "cleanup": "retention",
    "orphans": "orphan_cleanup",
    "find_orphans": "orphans",
    "advise": "advice",
    "benchmark": "benchmarks",
}
ALL_DONE: Final = "all_that_was_due_was_done"
NO_ORPHANS: Final = "no_relationship_leads_nowhere"
FAR: Final = "transaction_ids_last"
GOALS: Final = "benchmarks_reach_their_goals"

_ROWS: Final[Mapping[Doing, str]] = {
    "analyze": "one table whose statistics were gathered, because enough of its rows had changed",
    "reindex": "one index rebuilt concurrently, because more of it than the policy's share was "
    "wasted as pgstattuple measured it; or one leftover of an interrupted rebuild, removed",
    "cleanup": "one table or partition with rows deleted that were too old, in batches",
    "orphans": "relationships of one kind between two tables that led nowhere, marked archived",
}
_BUDGETS: Final = (
    "Every statement has a lock budget and gives way to who waits for it longer; every row here is "
    "one of `maintenance.maintenance_log`, written before the work began and after it ended."
)


class UpkeepConfig(dg.Config):
    """How long a run works."""

    seconds: float = Field(
        default=3_600.0, gt=0.0, description="After these no further statement or batch begins."
    )


def target_assets(target: Target) -> list[dg.AssetsDefinition]:
    """Return the assets of a target's upkeep, none where it declares none."""
    policy = policy_of(target)
    if policy is None:
        return []
    doings: list[Doing] = ["analyze", "reindex"]
    doings += ["cleanup"] if policy.retention else []
    doings += ["orphans"] if policy.relationships is not None else []
    return [
        *(_working(target, policy, doing) for doing in doings),
        *([_orphans(target, policy.relationships)] if policy.relationships else []),
        *([_bulk(target)] if policy.relationships and policy.relationships.bulk else []),
        *([_benchmarks(target, policy.benchmarks)] if policy.benchmarks else []),
        _advice(target),
    ]


def _working(target: Target, policy: Policy, doing: Doing) -> dg.AssetsDefinition:
    key = vocabulary.key(target, FAMILY, ASSETS[doing])
    deps = {"reindex": ["stats", "bloat"], "analyze": ["stats", "tables"]}.get(doing)

    @dg.asset(
        key=key,
        pool=vocabulary.pool(target),
        deps=[vocabulary.key(target, *deps)]
        if deps
        else [vocabulary.key(target, FAMILY, ASSETS["find_orphans"])]
        if doing == "orphans"
        else [],
        **vocabulary.head(target, FAMILY, _ROWS[doing], _BUDGETS),
        check_specs=[
            dg.AssetCheckSpec(
                ALL_DONE,
                asset=key,
                description="Nothing that was due was blocked, failed, or is not ours to do.",
            )
        ],
    )
    def work(
        context: dg.AssetExecutionContext, config: UpkeepConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.upkeep import apply

        with vocabulary.explained(), vocabulary.open_store() as store:
            done = apply.run(target, policy, store, (doing,), seconds=config.seconds)
        for result in done.results:
            context.log.info(
                "%s %s: %s", result.step.operation, result.step.object_name, result.outcome
            )
        yield dg.MaterializeResult(
            metadata=done_metadata(done), check_results=[_all_done(key, done)]
        )
        failed = done.of("failed")
        if failed:
            raise dg.Failure(
                f"{len(failed)} of {len(done.results)} failed: "
                + "; ".join(f"{r.step.object_name}: {r.note}" for r in failed[:5]),
                allow_retries=False,
            )

    return work


def done_metadata(done: "Done") -> vocabulary.Metadata:
    """Return the figures of a run, and its first steps as a table."""
    rows = [{**result.as_dict(), "note": result.as_dict()["note"][:200]} for result in done.results]
    return {
        "dagster/row_count": len(done.of("done")),
        "blocked": len(done.of("blocked")),
        "failed": len(done.of("failed")),
        "skipped": len(done.of("skipped")),
        "rows": done.rows,
        "saved_bytes": done.saved_bytes,
        "longest_seconds": max((result.seconds for result in done.results), default=0.0),
        "killed_before": done.closed,
        **({"steps": vocabulary.table(rows)} if rows else {}),
        **({"notes": "\n".join(done.plan.notes)} if done.plan.notes else {}),
        **({"held_back_by": "\n".join(done.held_back)} if done.held_back else {}),
    }


def _all_done(key: dg.AssetKey, done: "Done") -> dg.AssetCheckResult:
    left = [result for result in done.results if result.outcome != "done"]
    worst = any(result.outcome == "failed" for result in left)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=ALL_DONE,
        passed=not left,
        severity=vocabulary.severity(worst),
        description="; ".join(f"{r.step.object_name}: {r.outcome}: {r.note}" for r in left[:5])
        + (f"; and {len(left) - 5} more" if len(left) > 5 else "")
        or "as it should be",
        metadata={"not_done": len(left)},
    )


def _orphans(target: Target, rule: Relationships) -> dg.AssetsDefinition:
    key = vocabulary.key(target, FAMILY, ASSETS["find_orphans"])

    @dg.asset(
        key=key,
        pool=vocabulary.pool(target),
        **vocabulary.head(
            target,
            FAMILY,
            "relationships of one kind and class between two tables that are wrong: an end is "
            "gone, archived, of no known table, or the kind is not what was declared",
            f"Looked for in {rule.table}, one statement for each pair of tables.",
        ),
        check_specs=[
            dg.AssetCheckSpec(
                NO_ORPHANS, asset=key, description="No end of a relationship is missing."
            )
        ],
    )
    def orphans(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.upkeep import look
        from perf_pipeline.upkeep import orphans as classes

        with vocabulary.explained():
            found = look.orphans(target, rule)
        totals = classes.totals(found.summary)
        missing = sum(totals.get(name, 0) for name in classes.CLEANED)
        if not found.notes:  # else some were not looked at
            with vocabulary.explained(), vocabulary.open_store() as store:
                measurements.note(store, target.name, "orphaned_relationships", {"": missing})
        rows = [
            {
                "path": row["path"],
                "kind": row["kind"],
                "class": row["class"],
                "orphans": row["orphans"],
                "oldest_days": round(row["oldest_days"], 1),
                "older_than_7_days": row["older_than_7_days"],
                "older_than_30_days": row["older_than_30_days"],
            }
            for row in sorted(found.summary, key=lambda row: -row["orphans"])
        ]
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(found.summary),
                "relationships": found.relationships,
                "orphans": found.orphans,
                **totals,
                **({"summary": vocabulary.table(rows)} if rows else {}),
                **({"notes": "\n".join(found.notes)} if found.notes else {}),
            },
            check_results=[
                dg.AssetCheckResult(
                    asset_key=key,
                    check_name=NO_ORPHANS,
                    passed=not missing and not found.notes,
                    severity=dg.AssetCheckSeverity.WARN,
                    description="; ".join(
                        [f"{missing:,} lead nowhere"] * bool(missing) + list(found.notes[:3])
                    )
                    or "as it should be",
                    metadata={"missing": missing, "not_looked_at": len(found.notes)},
                )
            ],
        )

    return orphans


def _advice(target: Target) -> dg.AssetsDefinition:
    key = vocabulary.key(target, FAMILY, ASSETS["advise"])

    @dg.asset(
        key=key,
        pool=vocabulary.pool(target),
        deps=[vocabulary.key(target, "stats", name) for name in ("tables", "indexes")],
        **vocabulary.head(
            target,
            FAMILY,
            "one thing a person should look at: an unused, duplicate or invalid index, a table "
            "that vacuum does not keep up with, transaction ids that run out, who holds them back",
            "Nothing of it is done by itself.",
        ),
        check_specs=[
            dg.AssetCheckSpec(
                FAR, asset=key, description="No table is close to running out of transaction ids."
            )
        ],
    )
    def advice(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.upkeep import look

        with vocabulary.explained(), vocabulary.open_store() as store:
            found = look.advice(target, store)
        near = [each for each in found.findings if each.kind == "wraparound"]
        kinds: dict[str, int] = {}
        for each in found.findings:
            kinds[each.kind] = kinds.get(each.kind, 0) + 1
        metadata: dict[str, Any] = {
            "dagster/row_count": len(found.findings),
            **kinds,
            "xid_age": found.xid_age,
            "xid_used_percent": round(found.xid_percent, 2),
            **({"xid_days_left": round(found.xid_days, 1)} if found.xid_days is not None else {}),
            "index_bytes_unused": sum(
                each.bytes or 0 for each in found.findings if each.kind.endswith("_index")
            ),
            "index_usage": vocabulary.table(found.usage),
        }
        if found.findings:
            metadata["findings"] = vocabulary.table([each.as_dict() for each in found.findings])
        critical = any(each.severity == "critical" for each in near)
        yield dg.MaterializeResult(
            metadata=metadata,
            check_results=[
                dg.AssetCheckResult(
                    asset_key=key,
                    check_name=FAR,
                    passed=not near,
                    severity=vocabulary.severity(critical),
                    description="; ".join(f"{each.object_name}: {each.text}" for each in near[:3])
                    or "as it should be",
                )
            ],
        )

    return advice


def _benchmarks(target: Target, declared: Sequence[Benchmark]) -> dg.AssetsDefinition:
    key = vocabulary.key(target, FAMILY, ASSETS["benchmark"])

    @dg.asset(
        key=key,
        pool=vocabulary.pool(target),
        **vocabulary.head(
            target,
            FAMILY,
            "one benchmark: how long its statements took, and a word for it",
            "Each repetition is a transaction that is taken back.",
        ),
        check_specs=[
            dg.AssetCheckSpec(
                GOALS, asset=key, description="The median of each is within its goal."
            )
        ],
    )
    def benchmarks(
        context: dg.AssetExecutionContext, config: UpkeepConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.upkeep import benchmarks as timing

        with vocabulary.explained():
            found = timing.run(target, declared, seconds=config.seconds)
        missed = [each for each in found if not each.reached]
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(found),
                **vocabulary.numbers(
                    {
                        f"{each.benchmark.name}_ms": each.median_ms
                        for each in found
                        if each.median_ms is not None
                    }
                ),
                "benchmarks": vocabulary.table([each.as_row() for each in found]),
            },
            check_results=[
                dg.AssetCheckResult(
                    asset_key=key,
                    check_name=GOALS,
                    passed=not missed,
                    severity=vocabulary.severity(any(each.far_off for each in missed)),
                    description="; ".join(
                        f"{row['benchmark']}: {row['problem'] or row['rating']}"
                        for row in (each.as_row() for each in missed)
                    )
                    or "as it should be",
                    metadata={"missed": len(missed)},
                )
            ],
        )

    return benchmarks


def _bulk(target: Target) -> dg.AssetsDefinition:
    @dg.asset(
        key=vocabulary.key(target, FAMILY, "bulk_operations"),
        **vocabulary.head(
            target,
            FAMILY,
            "one bulk operation of the last day: records, minutes, orphans, and a note where it "
            "was slow or left many orphans",
            "As each began and ended, not as old as its entry is.",
        ),
    )
    def bulk_operations(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.upkeep import bulk

        with vocabulary.explained(), vocabulary.open_store() as store:
            rows = bulk.recent(store, target.name)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(rows),
                "orphans": sum(row["orphans"] or 0 for row in rows),
                **({"operations": vocabulary.table(rows)} if rows else {}),
            }
        )

    return bulk_operations


def selection(target: Target, works: Sequence[Work]) -> dg.AssetSelection:
    """Return the assets of some kinds of work, with their checks."""
    return dg.AssetSelection.assets(
        *(vocabulary.key(target, FAMILY, ASSETS[work]) for work in works)
    )
