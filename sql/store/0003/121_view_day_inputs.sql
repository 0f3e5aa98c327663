-- purpose: what a day's baseline, findings and report rest on: the rollups of the day and of the 97 days before it (store.progress.WINDOW_DAYS), in one number; another number, and they are to be made again
-- minimum version: 14
CREATE VIEW perf_mgmt.day_inputs AS
SELECT
    target_id, day,
    sum(hashint8extended(version, (day - DATE '2000-01-01')::bigint)::numeric) OVER (
        PARTITION BY target_id ORDER BY day
        RANGE BETWEEN INTERVAL '97 days' PRECEDING AND CURRENT ROW
    )::text AS inputs
FROM perf_mgmt.day_progress
WHERE stage = 'rollup' AND version IS NOT NULL;
