-- purpose: what request_refresh writes with its caller's rights; who asked, and when, nobody may write
-- minimum version: 14
GRANT INSERT (view_name, reason), SELECT (request_id) ON TABLE perf_pipeline_meta.mv_refresh_queue TO PUBLIC
