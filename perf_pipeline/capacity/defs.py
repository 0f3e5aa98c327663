"""Assets, checks, the job and its daily schedule of capacity; what is decided is elsewhere."""

from collections.abc import Iterator, Sequence
from typing import Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.capacity.model import Shards, Tenants, policy_of
from perf_pipeline.jobs import singleton_job, utc_schedule
from perf_pipeline.postgres.target import Target

FAMILY: Final = "capacity"
JOB: Final = "capacity_daily"
LASTS: Final = "nothing_runs_out_soon"
ROOM: Final = "resources_have_room"
POOL: Final = "connections_are_healthy"
BALANCED: Final = "shards_are_balanced"
QUIET: Final = "no_tenant_is_noisy"


def target_assets(target: Target) -> list[dg.AssetsDefinition]:
    """Return a target's assets: what runs out when, its connections; where declared, the rest."""
    policy = policy_of(target)
    return [
        _plan(target),
        _connections(target),
        *([_shards(target, policy.shards)] if policy.shards else []),
        *([_tenants(target, policy.tenants)] if policy.tenants else []),
    ]


def _keys(target: Target) -> list[dg.AssetKey]:
    """Return the keys of a target's assets, without making them once more."""
    policy = policy_of(target)
    declared = {"shards": policy.shards, "tenants": policy.tenants}
    names = ["plan", "connections", *(name for name, rule in declared.items() if rule)]
    return [vocabulary.key(target, FAMILY, name) for name in names]


def _plan(target: Target) -> dg.AssetsDefinition:
    key = vocabulary.key(target, FAMILY, "plan")
    policy = policy_of(target)

    @dg.asset(
        key=key,
        pool=vocabulary.pool(target),
        deps=[vocabulary.key(target, "stats", name) for name in ("server", "database")],
        **vocabulary.head(
            target,
            FAMILY,
            "one thing that can run out (disk, connections, transaction ids, a sequence, the "
            "partitions of a table), what is taken of it, how that moves, and when it is full",
            "The days left are given with the earliest and latest day by the 90 % interval of the "
            "slope; fewer than seven days of history say nothing. What each day had is kept in "
            "`perf_mgmt.capacity_daily`.",
        ),
        check_specs=[
            dg.AssetCheckSpec(
                LASTS,
                asset=key,
                description=f"Nothing is full within {policy.warn_days:g} days (an error within "
                f"{policy.error_days:g}), nor may be within {policy.error_days:g}.",
            ),
            dg.AssetCheckSpec(
                ROOM,
                asset=key,
                description="No resource is used above 80 % (within a week), or 90 % (within a "
                "day: an error).",
            ),
        ],
    )
    def plan(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.capacity import collect, forecast

        with vocabulary.explained(), vocabulary.open_store() as store:
            made = collect.plan(target, store)
        rows = [each.as_dict() for each in forecast.told(made.forecasts, vocabulary.TABLE_ROWS)]
        scaling = forecast.scaling(made.forecasts)
        near = [each for each in made.forecasts if each.severity != "ok"]
        full = [each for each in scaling if each.priority in ("CRITICAL", "HIGH")]
        judged = [e for e in made.forecasts if e.left is not None or e.capacity is None]
        soonest = min(
            (e.left.expected for e in judged if e.left is not None and e.left.expected is not None),
            default=None,
        )
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(made.forecasts),
                "not_enough_data": sum(each.trend is None for each in made.forecasts),
                **vocabulary.numbers(
                    {
                        "soonest_days_left": soonest,
                        **{
                            f"{each.resource.replace(' ', '_')}_percent": each.percent
                            for each in made.forecasts
                            if each.resource in ("disk", "connections", "transaction ids")
                        },
                    }
                ),
                **({"forecasts": vocabulary.table(rows)} if rows else {}),
                **(
                    {"scaling": vocabulary.table([each.as_dict() for each in scaling])}
                    if scaling
                    else {}
                ),
                **({"notes": "\n".join(made.notes)} if made.notes else {}),
            },
            check_results=[
                dg.AssetCheckResult(
                    asset_key=key,
                    check_name=LASTS,
                    passed=not near,
                    severity=vocabulary.severity(any(each.severity == "critical" for each in near)),
                    description="; ".join(_said(each.as_dict()) for each in near[:5])
                    or "as far as is known",
                    metadata={"near": len(near)},
                ),
                dg.AssetCheckResult(
                    asset_key=key,
                    check_name=ROOM,
                    passed=not full,
                    severity=vocabulary.severity(any(each.priority == "CRITICAL" for each in full)),
                    description="; ".join(
                        f"{each.resource} {each.percent:.0f} %: {each.advice}, within {each.within}"
                        for each in full[:5]
                    )
                    or "as it should be",
                    metadata={"resources": len(scaling)},
                ),
            ],
        )

    return plan


def _said(row: dict[str, object]) -> str:
    name = f"{row['resource']} {row['object']}".strip()
    if row["days_left"] is not None:
        span = f"{row['days_left_earliest'] or '?'} to {row['days_left_latest'] or 'never'}"
        return f"{name}: full in {row['days_left']} days ({span})"
    if row["days_left_earliest"] is not None:
        return f"{name}: may be full in {row['days_left_earliest']} days"
    return f"{name}: {row['note'] or 'full'}"


def _connections(target: Target) -> dg.AssetsDefinition:
    key = vocabulary.key(target, FAMILY, "connections")

    @dg.asset(
        key=key,
        deps=[vocabulary.key(target, "stats", "activity")],
        **vocabulary.head(
            target,
            FAMILY,
            "the sessions of one state, application and address at the newest sweep, and how long "
            "they have been in that state",
        ),
        check_specs=[
            dg.AssetCheckSpec(
                POOL,
                asset=key,
                description="Of max_connections at most half are active and a quarter idle (a "
                "warning), and four fifths are taken by all databases together (an error).",
            )
        ],
    )
    def connections(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.capacity import connections as reading

        with vocabulary.explained(), vocabulary.open_store() as store:
            sessions = reading.read(store, target.name)
        judged = reading.health(sessions)
        bad = [each for each in judged if each.status in ("WARNING", "CRITICAL")]
        unknown = [each.metric for each in judged if each.status == "UNKNOWN"]
        rows = [
            {
                "state": row["state"],
                "application": row["application_name"],
                "client": row["client"],
                "sessions": row["sessions"],
                "mean_state_seconds": row["mean_state_seconds"],
            }
            for row in sessions
            if row["sessions"] is not None
        ]
        said = [f"{e.metric} {e.value} of {e.most}: {e.advice}" for e in bad]
        if unknown:
            said.append(f"not known: {', '.join(unknown)}; is it swept, and by pg_monitor?")
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(rows),
                **vocabulary.numbers({each.metric: each.value for each in judged}),
                "health": vocabulary.table([each.as_dict() for each in judged]),
                **({"sessions": vocabulary.table(rows)} if rows else {}),
            },
            check_results=[
                dg.AssetCheckResult(
                    asset_key=key,
                    check_name=POOL,
                    passed=not said,
                    severity=vocabulary.severity(any(each.status == "CRITICAL" for each in bad)),
                    description="; ".join(said) or "as it should be",
                )
            ],
        )

    return connections


def _shards(target: Target, rule: Shards) -> dg.AssetsDefinition:
    key = vocabulary.key(target, FAMILY, "shards")

    @dg.asset(
        key=key,
        pool=vocabulary.pool(target),
        **vocabulary.head(
            target,
            FAMILY,
            "one shard: its users, what they have, and whether it has more than its share",
        ),
        check_specs=[
            dg.AssetCheckSpec(
                BALANCED,
                asset=key,
                description="No shard has more than 1.2 times the mean (an error: 1.5 times).",
            )
        ],
    )
    def shards(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.capacity import look

        with vocabulary.explained():
            found = look.of_shards(target, rule)
        high, medium = found.of("HIGH"), found.of("MEDIUM")
        users = [row["users"] for row in found.shards]
        said = [f"shard {n} has more than 1.5 times the mean" for n in high]
        said += [f"shard {n} has more than 1.2 times the mean" for n in medium]
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(found.shards),
                "users": sum(users),
                **({"largest_to_mean": max(users) * len(users) / sum(users)} if sum(users) else {}),
                **({"shards": vocabulary.table(found.shards)} if found.shards else {}),
            },
            check_results=[
                dg.AssetCheckResult(
                    asset_key=key,
                    check_name=BALANCED,
                    passed=not said,
                    severity=vocabulary.severity(bool(high)),
                    description="; ".join(said[:5]) or "as it should be",
                )
            ],
        )

    return shards


def _tenants(target: Target, rule: Tenants) -> dg.AssetsDefinition:
    key = vocabulary.key(target, FAMILY, "tenants")

    @dg.asset(
        key=key,
        pool=vocabulary.pool(target),
        deps=[vocabulary.key(target, "stats", "activity")],
        **vocabulary.head(
            target,
            FAMILY,
            "one tenant, its share of the last week's load, and how many times as long as for the "
            "median tenant the same work takes for it",
            f"Tenants are told apart by what the application reports to {rule.reported.relation}."
            if rule.reported is not None
            else f"Tenants are told apart by {rule.by}; no row of a table is read for it.",
        ),
        check_specs=[
            dg.AssetCheckSpec(
                QUIET,
                asset=key,
                description=f"No tenant has more than {rule.share_percent:g} % of the load of "
                "three or more, and none waits twice as long as others for the same work.",
            )
        ],
    )
    def tenants(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.capacity import look
        from perf_pipeline.capacity import tenants as rules

        with vocabulary.explained(), vocabulary.open_store() as store:
            found = look.of_tenants(target, rule, store)
        said = rules.broken(rule, found)
        rows = [each.as_dict(rules.UNITS[rule.by]) for each in found]
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(found),
                **({"largest_share_percent": 100.0 * found[0].share} if found else {}),
                **({"tenants": vocabulary.table(rows)} if rows else {}),
            },
            check_results=[
                dg.AssetCheckResult(
                    asset_key=key,
                    check_name=QUIET,
                    passed=not said,
                    severity=dg.AssetCheckSeverity.WARN,
                    description="; ".join(said[:5]) or "as it should be",
                    metadata={"tenants": len(found)},
                )
            ],
        )

    return tenants


def fleet_definitions(targets: Sequence[Target]) -> dg.Definitions:
    """Return the job over every target's capacity, and its daily schedule."""
    keys = [key for target in targets for key in _keys(target)]
    if not keys:
        return dg.Definitions()
    job = singleton_job(
        JOB,
        dg.AssetSelection.assets(*keys),
        "Note what is taken of everything that can run out, and say when it does.",
        max_runtime_s=1800,
    )
    # after midnight: yesterday is whole; before the reports of the day
    schedule = utc_schedule(
        job,
        "40 1 * * *",
        "What runs out when, for every target, at 01:40 UTC.",
    )
    return dg.Definitions(jobs=[job], schedules=[schedule])
