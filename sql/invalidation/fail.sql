-- purpose: notes a failure of entries and gives them back, to be tried again later
-- minimum version: 14
-- One more failure than allowed ends an entry; one that changed meanwhile is tried once more before.
WITH /* perf-pipeline */ failed AS (
    SELECT f.entity, f.generation, f.error, f.wait_s
    FROM unnest(
        %(entities)s::text[], %(generations)s::bigint[], %(errors)s::text[], %(waits)s::double precision[]
    ) AS f (entity, generation, error, wait_s)
),
dead AS (
    DELETE FROM perf_pipeline_meta.invalidation_queue AS q
    USING failed AS f
    WHERE q.cache_type = %(cache_type)s::text
        AND q.entity = ANY (%(entities)s::text[])
        AND q.entity = f.entity
        AND q.generation = f.generation
        AND q.lease_id = %(lease_id)s::uuid
        AND q.attempts + 1 >= %(max_attempts)s::integer
    RETURNING
        q.cache_type, q.entity, q.generation, q.first_queued_at, q.last_queued_at, q.changes, q.reason,
        q.attempts + 1 AS attempts, f.error
),
kept AS (
    INSERT INTO perf_pipeline_meta.invalidation_dead AS k
        (cache_type, entity, generation, first_queued_at, last_queued_at, changes, reason, attempts, last_error)
    SELECT d.cache_type, d.entity, d.generation, d.first_queued_at, d.last_queued_at, d.changes, d.reason, d.attempts, d.error
    FROM dead AS d
    ON CONFLICT (cache_type, entity) DO UPDATE SET
        generation = excluded.generation,
        last_queued_at = excluded.last_queued_at,
        changes = k.changes + excluded.changes,
        reason = excluded.reason,
        attempts = excluded.attempts,
        last_error = excluded.last_error,
        died_at = excluded.died_at,
        deaths = k.deaths + 1
    RETURNING k.entity
),
again AS (
    UPDATE perf_pipeline_meta.invalidation_queue AS q
    SET
        lease_id = NULL,
        leased_until = NULL,
        attempts = least(q.attempts + 1, %(max_attempts)s::integer - 1),
        last_error = f.error,
        not_before = coalesce(%(at)s::timestamptz, pg_catalog.clock_timestamp()) + f.wait_s * interval '1 s',
        again_first_at = NULL,
        again_changes = 0
    FROM failed AS f
    WHERE q.cache_type = %(cache_type)s::text
        AND q.entity = ANY (%(entities)s::text[])
        AND q.entity = f.entity
        AND q.lease_id = %(lease_id)s::uuid
        AND (q.attempts + 1 < %(max_attempts)s::integer OR q.generation <> f.generation)
    RETURNING q.entity
)
SELECT (SELECT count(*) FROM again) AS again, (SELECT count(*) FROM kept) AS dead
