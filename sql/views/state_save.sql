-- purpose: remember a refresh, in the transaction that made it
-- minimum version: 14
INSERT INTO perf_pipeline_meta.mv_refresh_state AS s (view_name, refreshed_at, checked_at, seconds, method, evidence)
VALUES (
    %(view)s, %(at)s::timestamptz, %(at)s::timestamptz, %(seconds)s::double precision,
    %(method)s, %(evidence)s::jsonb
)
ON CONFLICT (view_name) DO UPDATE SET
    refreshed_at = excluded.refreshed_at,
    checked_at = excluded.checked_at,
    seconds = excluded.seconds,
    method = excluded.method,
    evidence = excluded.evidence,
    failures = 0,
    failed_at = NULL,
    last_error = NULL
