-- purpose: take away the requests that a refresh answered, in its transaction
-- minimum version: 14
DELETE FROM perf_pipeline_meta.mv_refresh_queue
WHERE request_id = ANY (%(ids)s::bigint[])
