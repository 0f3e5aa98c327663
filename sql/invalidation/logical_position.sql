-- purpose: how far the write-ahead log is on disk: what is read after this holds all that committed before
-- minimum version: 14
SELECT /* perf-pipeline */ pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_flush_lsn(), '0/0')::numeric(20)::text AS position
