-- purpose: marks the next batch of relationships an end of which is gone as archived, in key order; leaves alone what somebody has locked
-- minimum version: 14
-- cadence: each batch
-- scope: database
WITH due AS MATERIALIZED (
    SELECT r.{key} AS key
    FROM {links} AS r
    LEFT JOIN {sources} AS s ON s.id = r.{source_id}
    LEFT JOIN {targets} AS t ON t.id = r.{target_id}
    WHERE r.{archived} IS NOT TRUE
        AND {source_is} AND {target_is}
        AND (s.id IS NULL OR t.id IS NULL)
        AND r.{created_at} < %(before)s
        AND {after}
    ORDER BY r.{key}
    LIMIT %(rows)s
    FOR UPDATE OF r SKIP LOCKED
), marked AS (
    UPDATE {links} AS r SET {archived} = true
    WHERE r.{key} = ANY (ARRAY(SELECT d.key FROM due AS d))
    RETURNING r.{key} AS key
)
-- no max(): uuid has none before PostgreSQL 18
SELECT /* perf-pipeline */ count(*) AS rows, (array_agg(m.key ORDER BY m.key DESC))[1] AS last
FROM marked AS m
