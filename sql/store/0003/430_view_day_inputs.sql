-- purpose: what a day's baseline, findings and report rest on: the rollups of the day and of the 97 days before it (store.progress.WINDOW_DAYS), and what was said of changes that began since then; another text, and they are to be made again
-- minimum version: 14
CREATE OR REPLACE VIEW perf_mgmt.day_inputs AS
WITH newest AS (
    SELECT DISTINCT ON (target_id, finding_id)
        target_id, feedback_id, verdict, (onset AT TIME ZONE 'UTC')::date AS day
    FROM perf_mgmt.feedback
    ORDER BY target_id, finding_id, feedback_id DESC
),
said AS (
    SELECT n.target_id, days.day::date AS day, sum(hashint8extended(n.feedback_id, 0)::numeric) AS version
    FROM newest AS n, pg_catalog.generate_series(n.day::timestamp, n.day + 97, INTERVAL '1 day') AS days (day)
    WHERE n.verdict <> 'cleared'
    GROUP BY n.target_id, days.day
),
held AS (
    SELECT
        target_id, day,
        sum(hashint8extended(version, (day - DATE '2000-01-01')::bigint)::numeric) OVER (
            PARTITION BY target_id ORDER BY day
            RANGE BETWEEN INTERVAL '97 days' PRECEDING AND CURRENT ROW
        )::text AS inputs
    FROM perf_mgmt.day_progress
    WHERE stage = 'rollup' AND version IS NOT NULL
)
SELECT h.target_id, h.day, h.inputs || coalesce('/' || s.version::text, '') AS inputs
FROM held AS h
LEFT JOIN said AS s USING (target_id, day);
