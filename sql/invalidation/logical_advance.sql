-- purpose: forgets what was read of the log, up to a position
-- minimum version: 14
SELECT /* perf-pipeline */ a.end_lsn::text AS lsn
FROM pg_catalog.pg_replication_slots AS s
CROSS JOIN LATERAL pg_catalog.pg_replication_slot_advance(
    s.slot_name, '0/0'::pg_lsn + %(position)s::numeric
) AS a
WHERE s.slot_name = %(slot)s::text AND s.confirmed_flush_lsn < '0/0'::pg_lsn + %(position)s::numeric
