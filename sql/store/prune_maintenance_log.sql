-- purpose: delete some rows of the maintenance log that nobody needs any more; how many
-- minimum version: 14
-- kept: what runs; of each operation on a target the last row and the last that says done; what was taken away from a
-- target for longer, and as long as the archive holds it
WITH newest AS MATERIALIZED (
    SELECT target, operation, max(started_at) AS last, max(started_at) FILTER (WHERE outcome = 'done') AS last_done
    FROM maintenance.maintenance_log
    GROUP BY target, operation
),
due AS (
    SELECT l.log_id
    FROM maintenance.maintenance_log AS l
    JOIN newest AS n ON n.target = l.target AND n.operation = l.operation
    WHERE l.outcome <> 'running' AND l.started_at < %(before)s
        AND l.started_at < n.last AND l.started_at IS DISTINCT FROM n.last_done
        AND (
            l.operation = ANY (%(routine)s::text[])
            OR (
                l.started_at < %(evidence_before)s
                AND NOT EXISTS (
                    SELECT FROM maintenance.partition_archive AS a
                    WHERE a.target = l.target AND a.schema_name || '.' || a.name = l.object
                        AND a.superseded_at IS NULL
                )
            )
        )
    ORDER BY l.log_id
    LIMIT %(batch)s
),
gone AS (
    DELETE FROM maintenance.maintenance_log AS l USING due WHERE l.log_id = due.log_id
    RETURNING 1
)
SELECT count(*) AS rows FROM gone
