-- purpose: which cluster answers, and on which timeline: after a failover the counters are another server's
-- minimum version: 14
-- grant: none (PUBLIC may execute both functions unless revoked)
-- cadence: every sweep
-- a promoted server writes its new timeline into the control file only at its next checkpoint
SELECT /* perf-pipeline */ s.system_identifier,
    CASE
        WHEN pg_catalog.pg_is_in_recovery() THEN c.timeline_id
        ELSE ('x' || pg_catalog."left"(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::pg_catalog."bit"(32)::pg_catalog.int4
    END AS timeline_id
FROM pg_catalog.pg_control_system() AS s, pg_catalog.pg_control_checkpoint() AS c
