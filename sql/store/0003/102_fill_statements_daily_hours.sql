-- purpose: the hours of the days that are rolled up already, as perf_pipeline/store/hours.py writes them
-- minimum version: 14
UPDATE ledger.statements_daily AS d
SET hours = packed.hours, hourly = packed.hourly
FROM (
    SELECT
        target_id, source, day, userid, dbid, queryid, toplevel,
        sum(1 << hour)::integer AS hours,
        string_agg(
            set_byte(set_byte(set_byte('\x000000'::bytea, 0, mean & 255), 1, mean >> 8), 2, calls),
            ''::bytea ORDER BY hour
        ) AS hourly
    FROM (
        SELECT
            target_id, source, userid, dbid, queryid, toplevel,
            (h.hour AT TIME ZONE 'UTC')::date AS day,
            extract(hour FROM h.hour AT TIME ZONE 'UTC')::integer AS hour,
            CASE WHEN total_exec_time > 0 THEN least(65535, greatest(
                1, 1 + round(2500 * ln(total_exec_time / h.calls / 1e-4))
            )) ELSE 1 END::integer AS mean,
            least(255, round(8 * ln(h.calls::double precision) / ln(2::double precision)))::integer AS calls
        FROM ledger.statements_hourly AS h
        WHERE exact AND h.calls > 0
    ) AS coded
    GROUP BY target_id, source, day, userid, dbid, queryid, toplevel
) AS packed
WHERE d.target_id = packed.target_id AND d.source = packed.source AND d.day = packed.day
    AND d.userid = packed.userid AND d.dbid = packed.dbid AND d.queryid = packed.queryid
    AND d.toplevel = packed.toplevel;
