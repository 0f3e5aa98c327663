-- purpose: remember what a refresh of a rollup read and cost, in the transaction that made it
-- minimum version: 14
UPDATE perf_pipeline_meta.rollup
SET generation = %(generation)s,
    members = %(members)s::oid[],
    filenodes = %(filenodes)s,
    group_count = %(groups)s::bigint,
    full_seconds = %(full_seconds)s::double precision,
    seconds_per_group = %(seconds_per_group)s::double precision,
    seconds_per_change = %(seconds_per_change)s::double precision
WHERE rollup_id = %(rollup_id)s
