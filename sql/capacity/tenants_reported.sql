-- purpose: each tenant's load and times, as the application reports them to a table of its own; NULL: it did not measure
-- minimum version: 14
-- grant: SELECT on the table
-- cadence: every day
-- scope: database
SELECT /* perf-pipeline */
    r.{tenant}::pg_catalog.text AS tenant,
    pg_catalog.sum(r.{load})::pg_catalog.float8 AS load,
    -- each report weighs what it reports of
    (pg_catalog.sum(r.{response_ms} * r.{load}) FILTER (WHERE r.{response_ms} IS NOT NULL)
        / nullif(pg_catalog.sum(r.{load}) FILTER (WHERE r.{response_ms} IS NOT NULL), 0))::pg_catalog.float8 AS response_ms,
    pg_catalog.count(r.{response_ms}) AS reports
FROM {relation} AS r
WHERE r.{at} >= %(start)s::pg_catalog.timestamptz AND r.{at} < %(finish)s::pg_catalog.timestamptz
GROUP BY r.{tenant}
ORDER BY r.{tenant}
