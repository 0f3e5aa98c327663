-- purpose: the functions that took most of the time of a span, what they call not included
-- minimum version: 14
WITH functions AS (
    SELECT
        f.schema_name || '.' || f.function_name || '(' || f.arguments || ')' AS function,
        sum(f.calls)::bigint AS calls,
        sum(f.total_time) AS total_ms,
        sum(f.self_time) AS self_ms
    FROM ledger.functions AS f
    WHERE f.target_id = %(target_id)s AND f.ts > %(start)s AND f.ts <= %(finish)s
    GROUP BY f.funcid, 1
)
SELECT f.*, (sum(f.calls) OVER ())::bigint AS all_calls, sum(f.self_ms) OVER () AS all_ms
FROM functions AS f
ORDER BY f.self_ms DESC, f.function
LIMIT %(most)s
