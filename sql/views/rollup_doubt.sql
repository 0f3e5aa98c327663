-- purpose: remember that not all changes of a rollup's tables were captured, until a full computation has read them
-- minimum version: 14
-- No table has this file: whoever looks next sees tables that are not those of the last refresh.
UPDATE perf_pipeline_meta.rollup
SET filenodes = ''
WHERE rollup_id = %(rollup_id)s
