-- purpose: hours in which the given statements ran, whatever the quality of their rows: it did happen
-- minimum version: 14
SELECT queryid, hour AS start, hour + interval '1 hour' AS "end", sum(calls)::bigint AS calls
FROM ledger.statements_hourly
WHERE target_id = %(target_id)s AND source::text = ANY (%(sources)s::text[]) AND hour >= %(start)s AND hour < %(end)s
    AND queryid = ANY (%(queryids)s::bigint[]) AND calls > 0
GROUP BY queryid, hour
ORDER BY hour, queryid
