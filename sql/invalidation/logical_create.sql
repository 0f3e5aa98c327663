-- purpose: makes a slot, where the server writes what one needs; no row where it does not
-- minimum version: 14
SELECT /* perf-pipeline */ c.lsn::text AS lsn
FROM (
    SELECT %(slot)s::text::name AS slot WHERE pg_catalog.current_setting('wal_level') = 'logical'
) AS able
CROSS JOIN LATERAL pg_catalog.pg_create_logical_replication_slot(able.slot, 'pgoutput') AS c
