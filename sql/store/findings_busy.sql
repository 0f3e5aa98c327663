-- purpose: the busier statements of some days: those with at least a share of the day's time
-- minimum version: 14
SELECT DISTINCT day, queryid
FROM (
    SELECT day, queryid, sum(total_exec_time) AS mine, sum(sum(total_exec_time)) OVER (PARTITION BY day) AS all_ms
    FROM ledger.statements_daily
    WHERE target_id = %(target_id)s AND source::text = ANY (%(sources)s::text[])
        AND day = ANY (%(days)s::date[]) AND toplevel
    GROUP BY day, queryid
) AS d
WHERE mine >= %(share)s::double precision * all_ms
ORDER BY day, queryid
