-- purpose: who keeps dead rows from being removed: sessions, standbys with feedback, slots, prepared transactions, the oldest first
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor); without it other users' sessions are not shown
-- cadence: each plan of upkeep
-- scope: instance
SELECT /* perf-pipeline */ h.kind, h.name, h.xid_age, h.seconds
FROM (
    SELECT
        CASE WHEN a.backend_type = 'walsender' THEN 'standby' ELSE 'session' END AS kind,
        pg_catalog.format('pid %%s (%%s, %%s)', a.pid, COALESCE(a.usename, '?'), COALESCE(NULLIF(a.application_name, ''), 'no application name')) AS name,
        GREATEST(pg_catalog.age(a.backend_xmin), pg_catalog.age(a.backend_xid))::pg_catalog.int8 AS xid_age,
        EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.xact_start)::pg_catalog.float8 AS seconds
    FROM pg_catalog.pg_stat_activity AS a
    WHERE (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL) AND a.pid <> pg_catalog.pg_backend_pid()
    UNION ALL
    SELECT 'slot', s.slot_name::pg_catalog.text,
        GREATEST(pg_catalog.age(s.xmin), pg_catalog.age(s.catalog_xmin))::pg_catalog.int8, NULL
    FROM pg_catalog.pg_replication_slots AS s
    WHERE s.xmin IS NOT NULL OR s.catalog_xmin IS NOT NULL
    UNION ALL
    SELECT 'prepared transaction', p.gid, pg_catalog.age(p.transaction)::pg_catalog.int8,
        EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - p.prepared)::pg_catalog.float8
    FROM pg_catalog.pg_prepared_xacts AS p
) AS h
ORDER BY h.xid_age DESC NULLS LAST, h.kind, h.name
LIMIT 20
