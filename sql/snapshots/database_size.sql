-- purpose: bytes of this database on disk; the server looks at every file of it, so not at every sweep
-- minimum version: 14
-- cadence: every 10 minutes
SELECT /* perf-pipeline */
    pg_catalog.pg_database_size(pg_catalog.current_database()) AS database_bytes
