-- purpose: what was normal on each day of a span, for the given statements or for all, in all tiers
-- minimum version: 14
SELECT
    day, userid, dbid, queryid, toplevel, tier, slot, samples, calls, center, spread, low, high
FROM perf_mgmt.statement_levels(%(target_id)s, %(first)s, %(last)s)
WHERE metric = %(metric)s
    AND tier = ANY (%(tiers)s::text []) AND center > %(above)s
    AND (%(queryids)s::bigint [] IS NULL OR queryid = ANY (%(queryids)s::bigint []))
ORDER BY day, queryid, userid, dbid, toplevel, tier, slot
