-- purpose: what the sweeps of a target's newest day cost it, and the database time they are measured by
-- minimum version: 14
-- hot only: the day before the newest sweep; where that is long ago, the check fails for its age
WITH newest AS (
    SELECT max(ts) AS ts FROM ledger.sweeps WHERE target_id = %(target_id)s AND source = 'collected'
)
SELECT
    count(*) AS sweeps,
    max(s.ts) AS newest,
    sum(COALESCE(s.connect_ms, 0) + s.database_ms + COALESCE(s.texts_ms, 0)) AS cost_ms,
    sum(greatest(EXTRACT(epoch FROM s.ts - s.previous_ts)::double precision * 1000, s.active_ms)) AS database_ms,
    count(s.temp_bytes) AS temp_known,
    sum(s.temp_bytes) AS temp_bytes,
    max(s.connections) AS connections,
    sum(s.rows_read) AS rows_read,
    (SELECT b.spacing_s FROM ledger.budgets AS b WHERE b.target_id = %(target_id)s) AS spacing_s
FROM newest
JOIN ledger.sweeps AS s ON s.target_id = %(target_id)s AND s.source = 'collected'
    AND s.ts > newest.ts - interval '1 day' AND s.previous_ts IS NOT NULL
