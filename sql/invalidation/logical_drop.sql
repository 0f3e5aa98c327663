-- purpose: drops slots of ours that nobody reads at this moment
-- minimum version: 14
SELECT /* perf-pipeline */ s.slot_name::text AS slot, pg_catalog.pg_drop_replication_slot(s.slot_name)
FROM pg_catalog.pg_replication_slots AS s
WHERE s.slot_name = ANY (%(slots)s::text[]) AND NOT s.active AND s.database = pg_catalog.current_database()
