-- purpose: the queue is written anew by workers only
-- minimum version: 14
REVOKE ALL ON FUNCTION perf_pipeline_meta.rewrite_invalidation_queue() FROM PUBLIC
