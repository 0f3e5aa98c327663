-- purpose: remember that a refresh failed
-- minimum version: 14
INSERT INTO perf_pipeline_meta.mv_refresh_state AS s (view_name, failures, failed_at, last_error)
VALUES (%(view)s, 1, pg_catalog.clock_timestamp(), %(error)s)
ON CONFLICT (view_name) DO UPDATE SET
    failures = s.failures + 1,
    failed_at = excluded.failed_at,
    last_error = excluded.last_error
