-- purpose: who holds or awaits locks on some relations, the oldest transaction first; without relations the oldest transactions
-- minimum version: 14
SELECT /* perf-pipeline */
    a.pid, a.usename, a.application_name, a.state,
    extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::double precision AS seconds,
    (
        SELECT pg_catalog.string_agg(DISTINCT l.mode, ', ')
        FROM pg_catalog.pg_locks AS l
        WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation'
            AND l.relation = ANY (%(relations)s::oid[])
    ) AS modes
FROM pg_catalog.pg_stat_activity AS a
WHERE a.pid <> pg_catalog.pg_backend_pid() AND a.xact_start IS NOT NULL
    AND a.backend_type = 'client backend'
    AND (
        pg_catalog.cardinality(%(relations)s::oid[]) = 0
        OR EXISTS (
            SELECT FROM pg_catalog.pg_locks AS l
            WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.relation = ANY (%(relations)s::oid[])
        )
    )
ORDER BY a.xact_start
LIMIT 5
