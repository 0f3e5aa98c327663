-- purpose: the baselines that hold on each day of a span, in all tiers, a row for each slot
-- minimum version: 14
CREATE FUNCTION perf_mgmt.statement_levels(of_target integer, first_day date, last_day date)
RETURNS TABLE (
    day date, userid bigint, dbid bigint, queryid bigint, toplevel boolean, metric text,
    tier text, slot smallint, samples integer, calls bigint, center double precision,
    spread double precision, low double precision, high double precision
)
LANGUAGE sql STABLE
AS $$
    SELECT
        b.day, b.userid, b.dbid, b.queryid, b.toplevel, b.metric, fine.tier, fine.slot, fine.samples,
        fine.calls, fine.center, fine.spread, fine.low, fine.high
    FROM perf_mgmt.baselines_in_force(of_target, first_day, last_day) AS b
    CROSS JOIN LATERAL (
        SELECT b.tier, b.slot, b.samples, b.calls, b.center, b.spread, b.low, b.high
        UNION ALL
        SELECT
            packed.tier, get_byte(packed.slots, 5 * n)::smallint, get_byte(packed.slots, 5 * n + 1),
            round(2.0::double precision ^ (get_byte(packed.slots, 5 * n + 4) / 8.0::double precision))::bigint,
            level.center, packed.spread,
            level.center * exp(-1.6448536269514722 * packed.spread),
            level.center * exp(1.6448536269514722 * packed.spread)
        FROM (
            VALUES ('hour_of_day', b.daily, b.daily_spread), ('hour_of_week', b.weekly, b.weekly_spread)
        ) AS packed (tier, slots, spread)
        CROSS JOIN LATERAL pg_catalog.generate_series(0, length(packed.slots) / 5 - 1) AS of_slot (n)
        CROSS JOIN LATERAL (
            SELECT 1e-4 * exp(
                (get_byte(packed.slots, 5 * n + 2) + 256 * get_byte(packed.slots, 5 * n + 3) - 1)
                / 2500.0::double precision
            )
        ) AS level (center)
    ) AS fine
$$;
