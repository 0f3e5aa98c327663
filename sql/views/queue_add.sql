-- purpose: ask for a refresh of a view
-- minimum version: 14
INSERT INTO perf_pipeline_meta.mv_refresh_queue (view_name, reason)
VALUES (%(view)s, %(reason)s)
RETURNING request_id
