-- purpose: the hours of each statement and day, every row of the same length (what is missing of 24 hours is zeros): read in binary
-- minimum version: 14
SELECT
    day - DATE '2000-01-01' AS day, userid::bigint AS userid, dbid::bigint AS dbid, queryid, toplevel,
    hours, exact_calls, exact_exec_time,
    substring(hourly || decode(repeat('00', 72), 'hex') FROM 1 FOR 72) AS hourly
FROM ledger.statements_daily
WHERE target_id = %(target_id)s AND day BETWEEN %(first)s::date AND %(last)s::date
    AND source = ANY (%(sources)s::ledger.source[])
    AND (%(queryids)s::bigint[] IS NULL OR queryid = ANY (%(queryids)s::bigint[]))
