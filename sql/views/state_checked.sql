-- purpose: remember that some views were found to be as fresh as their sources
-- minimum version: 14
-- When it was noted need not survive a crash: that commit does not wait for the disk.
UPDATE perf_pipeline_meta.mv_refresh_state
SET checked_at = %(at)s::timestamptz
WHERE view_name = ANY (%(views)s::text[])
RETURNING pg_catalog.set_config('synchronous_commit', 'off', true) AS commit_waits
