-- purpose: takes what is in the log and adds it to the queue; what has to be looked up first comes back
-- minimum version: 14
-- At least one row: what was taken and added; beside it, per rule with a path, the keys to look up, and per
-- lease what was claimed at once. DELETE, not TRUNCATE: an entry may be committed at any moment. What no index
-- could hold must not keep the rest back: an entity of more than 1,000 bytes becomes every one, a cache type
-- is cut off. Nobody else writes the queue meanwhile (`queue_lock`), so what is not there is a plain INSERT;
-- if somebody did all the same, its key refuses it and the whole fold is taken back.
-- What is due at once, of a cache type of which nothing older waits, is claimed as it is added: the oldest
-- first, so many for each lease.
WITH /* perf-pipeline */ gone AS (
    DELETE FROM perf_pipeline_meta.invalidation_log_0
    WHERE ctid = ANY (ARRAY(SELECT l.ctid FROM perf_pipeline_meta.invalidation_log_0 AS l LIMIT %(most)s::bigint))
    RETURNING rule_id, cache_type, entity, queued_at, reason
),
gone_1 AS (
    DELETE FROM perf_pipeline_meta.invalidation_log_1
    WHERE ctid = ANY (ARRAY(SELECT l.ctid FROM perf_pipeline_meta.invalidation_log_1 AS l LIMIT %(most)s::bigint))
    RETURNING rule_id, cache_type, entity, queued_at, reason
),
bulk AS (
    DELETE FROM perf_pipeline_meta.invalidation_bulk_0
    WHERE ctid = ANY (ARRAY(SELECT l.ctid FROM perf_pipeline_meta.invalidation_bulk_0 AS l LIMIT %(most)s::bigint))
    RETURNING rule_id, NULL::text AS cache_type, entity, queued_at, NULL::text AS reason
),
bulk_1 AS (
    DELETE FROM perf_pipeline_meta.invalidation_bulk_1
    WHERE ctid = ANY (ARRAY(SELECT l.ctid FROM perf_pipeline_meta.invalidation_bulk_1 AS l LIMIT %(most)s::bigint))
    RETURNING rule_id, NULL::text AS cache_type, entity, queued_at, NULL::text AS reason
),
taken AS NOT MATERIALIZED (
    SELECT * FROM gone
    UNION ALL SELECT * FROM gone_1
    UNION ALL SELECT * FROM bulk
    UNION ALL SELECT * FROM bulk_1
),
rule AS MATERIALIZED (
    SELECT r.rule_id, left(r.cache_type, 200) AS cache_type, r.entity, r.key_type, r.reason, r.path
    FROM perf_pipeline_meta.invalidation_rule AS r
),
asked AS MATERIALIZED (
    SELECT
        k.rule_id,
        pg_catalog.array_agg(k.entity) AS keys,
        pg_catalog.array_agg(k.changes) AS changes,
        pg_catalog.array_agg(k.first_queued_at) AS firsts,
        pg_catalog.array_agg(k.last_queued_at) AS lasts
    FROM (
        SELECT
            e.rule_id,
            e.entity,
            count(*) AS changes,
            min(e.queued_at) AS first_queued_at,
            max(e.queued_at) AS last_queued_at
        FROM taken AS e
        JOIN rule AS r ON r.rule_id = e.rule_id
        WHERE e.entity IS NOT NULL AND r.path
        GROUP BY e.rule_id, e.entity
    ) AS k
    GROUP BY k.rule_id
),
waiting AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM perf_pipeline_meta.invalidation_queue) AS some
),
direct AS MATERIALIZED (
    SELECT
        d.*,
        (SELECT w.some FROM waiting AS w) AND EXISTS (
            SELECT FROM perf_pipeline_meta.invalidation_queue AS q
            WHERE q.cache_type = d.cache_type AND q.entity = d.entity
        ) AS waits
    FROM (
        SELECT
            coalesce(r.cache_type, left(e.cache_type, 200), 'rule ' || e.rule_id) AS cache_type,
            coalesce(CASE WHEN octet_length(e.entity) <= 1000 THEN e.entity END, '*') AS entity,
            min(e.queued_at) AS first_queued_at,
            max(e.queued_at) AS last_queued_at,
            count(*) AS changes,
            coalesce(max(coalesce(nullif(e.reason, ''), r.reason)), '') AS reason
        FROM taken AS e
        LEFT JOIN rule AS r ON r.rule_id = e.rule_id
        WHERE e.entity IS NULL OR r.path IS NOT TRUE
        GROUP BY 1, 2
    ) AS d
),
claimable AS MATERIALIZED (
    SELECT c.*, n.at
    FROM unnest(
        %(names)s::text[], %(debounces)s::double precision[], %(max_waits)s::double precision[], %(limits)s::integer[]
    ) WITH ORDINALITY AS c (cache_type, debounce_s, max_wait_s, most, place)
    CROSS JOIN (SELECT coalesce(%(at)s::timestamptz, pg_catalog.clock_timestamp()) AS at) AS n
    WHERE c.most > 0
        AND NOT EXISTS (
            SELECT FROM perf_pipeline_meta.invalidation_queue AS q
            WHERE q.cache_type = c.cache_type
        )
        AND NOT EXISTS (
            SELECT FROM asked AS a JOIN rule AS r ON r.rule_id = a.rule_id
            WHERE r.cache_type = c.cache_type
        )
),
added AS MATERIALIZED (
    SELECT
        d.*,
        CASE WHEN d.place IS NOT NULL THEN (%(leases)s::uuid[])[
            1 + (pg_catalog.row_number() OVER (PARTITION BY d.place ORDER BY d.first_queued_at) - 1) / d.most
        ] END AS lease_id
    FROM (
        SELECT e.*, c.place, c.most, c.at
        FROM direct AS e
        LEFT JOIN claimable AS c ON c.cache_type = e.cache_type
            AND (
                e.last_queued_at <= c.at - c.debounce_s * interval '1 s'
                OR e.first_queued_at <= c.at - c.max_wait_s * interval '1 s'
            )
        WHERE NOT e.waits
    ) AS d
),
generation AS MATERIALIZED (
    SELECT pg_catalog.nextval('perf_pipeline_meta.invalidation_generation') AS number
),
inserted AS (
    INSERT INTO perf_pipeline_meta.invalidation_queue
        (cache_type, entity, generation, first_queued_at, last_queued_at, changes, reason, lease_id, leased_until)
    SELECT
        d.cache_type,
        d.entity,
        (SELECT g.number FROM generation AS g),
        d.first_queued_at,
        d.last_queued_at,
        d.changes,
        d.reason,
        d.lease_id,
        CASE WHEN d.lease_id IS NOT NULL THEN d.at + %(lease_s)s::double precision * interval '1 s' END
    FROM added AS d
),
renewed AS (
    INSERT INTO perf_pipeline_meta.invalidation_queue AS q
        (cache_type, entity, generation, first_queued_at, last_queued_at, changes, reason)
    SELECT
        d.cache_type,
        d.entity,
        (SELECT g.number FROM generation AS g),
        d.first_queued_at,
        d.last_queued_at,
        d.changes,
        d.reason
    FROM direct AS d
    WHERE d.waits
    ON CONFLICT (cache_type, entity) DO UPDATE SET
        generation = excluded.generation,
        first_queued_at = least(q.first_queued_at, excluded.first_queued_at),
        last_queued_at = greatest(q.last_queued_at, excluded.last_queued_at),
        changes = q.changes + excluded.changes,
        reason = excluded.reason,
        again_first_at = CASE WHEN q.lease_id IS NOT NULL THEN coalesce(q.again_first_at, excluded.first_queued_at) END,
        again_changes = CASE WHEN q.lease_id IS NOT NULL THEN q.again_changes + excluded.changes ELSE 0 END
)
SELECT
    t.taken,
    t.added,
    o.rule_id,
    o.lease_id,
    (SELECT g.number FROM generation AS g) AS generation,
    o.cache_type,
    o.path,
    o.key_type,
    o.reason,
    o.keys,
    o.changes,
    o.firsts,
    o.lasts
FROM (
    SELECT
        (SELECT count(*) FROM taken AS e) AS taken,
        (SELECT count(*) FROM direct AS d) AS added
) AS t
LEFT JOIN (
    SELECT
        a.rule_id, NULL::uuid AS lease_id, r.cache_type, r.entity AS path, r.key_type, r.reason,
        a.keys, a.changes, a.firsts, a.lasts
    FROM asked AS a
    JOIN rule AS r ON r.rule_id = a.rule_id
    UNION ALL
    SELECT
        NULL, d.lease_id, d.cache_type, NULL, NULL, max(d.reason),
        pg_catalog.array_agg(d.entity), pg_catalog.array_agg(d.changes), pg_catalog.array_agg(d.first_queued_at),
        pg_catalog.array_agg(d.last_queued_at)
    FROM added AS d
    WHERE d.lease_id IS NOT NULL
    GROUP BY d.lease_id, d.cache_type
) AS o ON true
