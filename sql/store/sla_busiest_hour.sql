-- purpose: the hour of a span with the most transactions, and the most transactions a second between two sweeps
-- minimum version: 14
-- hot only: at most the newest week, which the store always has
-- what was generated or imported is not this server's own peak
WITH intervals AS (
    SELECT
        -- an interval that ends on the hour belongs to the one before
        date_trunc('hour', d.ts - interval '1 microsecond', 'UTC') AS hour,
        d.xact_commit + d.xact_rollback AS transactions,
        extract(epoch FROM d.ts - s.previous_ts) AS seconds
    FROM ledger.database AS d
    JOIN ledger.sweeps AS s ON s.target_id = d.target_id AND s.ts = d.ts
    WHERE d.target_id = %(target_id)s AND d.ts > %(start)s AND d.ts <= %(finish)s
        AND s.source = 'collected' AND s.previous_ts IS NOT NULL
        -- after a gap the work cannot be placed in an hour
        AND d.ts - s.previous_ts <= interval '15 minutes'
)
SELECT hour, sum(transactions)::bigint AS transactions, count(*) AS intervals,
    -- a second or less is too short for a rate
    max(max(transactions / seconds) FILTER (WHERE seconds >= 1)) OVER () AS most_per_second
FROM intervals
GROUP BY hour
ORDER BY transactions DESC, hour
LIMIT 1
