-- purpose: what the log holds of committed transactions behind the slot, up to so many changes, nothing forgotten
-- minimum version: 14
SELECT /* perf-pipeline */ c.data
FROM pg_catalog.pg_replication_slots AS s
CROSS JOIN LATERAL pg_catalog.pg_logical_slot_peek_binary_changes(
    s.slot_name, NULL, %(most)s::integer, 'proto_version', '1', 'publication_names', %(publication)s::text
) AS c
WHERE s.slot_name = %(slot)s::text
