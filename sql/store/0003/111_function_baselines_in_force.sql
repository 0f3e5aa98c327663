-- purpose: the baselines that hold on each day of a span: of a statement's rows of that week up to the day, those of its newest day
-- minimum version: 14
CREATE FUNCTION perf_mgmt.baselines_in_force(of_target integer, first_day date, last_day date)
RETURNS TABLE (
    day date, since date, userid bigint, dbid bigint, queryid bigint, toplevel boolean, metric text,
    tier text, slot smallint, samples integer, calls bigint, center double precision,
    spread double precision, low double precision, high double precision,
    daily_spread double precision, daily bytea, weekly_spread double precision, weekly bytea
)
LANGUAGE sql STABLE
AS $$
    SELECT
        held.day::date, b.day, b.userid, b.dbid, b.queryid, b.toplevel, b.metric, b.tier, b.slot,
        b.samples, b.calls, b.center, b.spread, b.low, b.high,
        b.daily_spread, b.daily, b.weekly_spread, b.weekly
    FROM (
        SELECT
            s.*,
            min(s.day) OVER (
                PARTITION BY s.userid, s.dbid, s.queryid, s.toplevel, s.metric
                ORDER BY s.day GROUPS BETWEEN 1 FOLLOWING AND 1 FOLLOWING
            ) AS next_day
        FROM perf_mgmt.statement_baselines AS s
        WHERE s.target_id = of_target AND s.day BETWEEN first_day - 6 AND last_day
    ) AS b
    CROSS JOIN LATERAL pg_catalog.generate_series(
        greatest(b.day, first_day)::timestamp,
        least(
            b.day - extract(isodow FROM b.day)::integer + 7, b.next_day - 1, last_day
        )::timestamp,
        interval '1 day'
    ) AS held (day)
$$;
