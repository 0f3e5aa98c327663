-- purpose: remember that some views were found to be as fresh as their sources
-- minimum version: 14
UPDATE perf_pipeline_meta.mv_refresh_state
SET checked_at = %(at)s::timestamptz
WHERE view_name = ANY (%(views)s::text[])
