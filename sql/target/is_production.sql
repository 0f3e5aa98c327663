-- purpose: is this database marked as production (ALTER DATABASE ... SET perf_pipeline.environment)
-- minimum version: 14
SELECT
    coalesce(lower(current_setting('perf_pipeline.environment', true)), '') LIKE 'prod%%'
    -- a session may hide the mark with its own setting; the catalogue keeps it
    OR EXISTS (
        SELECT 1
        FROM pg_catalog.pg_db_role_setting AS s
        CROSS JOIN LATERAL unnest(s.setconfig) AS entry
        WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
          AND lower(entry) LIKE 'perf_pipeline.environment=prod%%'
    ) AS is_production
