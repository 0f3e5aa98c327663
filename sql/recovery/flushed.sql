-- purpose: whether a receiver of WAL has written all that was committed until a position
-- minimum version: 14
SELECT /* perf-pipeline */ EXISTS (
    SELECT FROM pg_catalog.pg_stat_replication AS r
    WHERE r.application_name = %(name)s
        AND (%(lsn)s::pg_lsn IS NULL OR r.flush_lsn >= %(lsn)s::pg_lsn)
)
