-- purpose: what was written to some tables so far, partitions included, and since when it is counted
-- minimum version: 14
-- grant: none
-- Counters alone can lie: TRUNCATE and rewrites change the file, a crash or a reset the epoch, and
-- reads only ever become more.
WITH RECURSIVE member AS (
    SELECT s.root, s.root AS oid
    FROM pg_catalog.unnest(%(relations)s::oid[]) AS s (root)
    UNION
    SELECT m.root, i.inhrelid
    FROM member AS m
    JOIN pg_catalog.pg_inherits AS i ON i.inhparent = m.oid
)
SELECT /* perf-pipeline */
    m.root::bigint AS oid,
    pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(
        ':', c.oid, c.relfilenode,
        pg_catalog.pg_stat_get_tuples_inserted(c.oid),
        pg_catalog.pg_stat_get_tuples_updated(c.oid),
        pg_catalog.pg_stat_get_tuples_deleted(c.oid)
    ), ',' ORDER BY c.oid)) AS digest,
    sum(
        pg_catalog.pg_stat_get_tuples_inserted(c.oid)
        + pg_catalog.pg_stat_get_tuples_updated(c.oid)
        + pg_catalog.pg_stat_get_tuples_deleted(c.oid)
    )::bigint AS changes,
    sum(pg_catalog.pg_stat_get_numscans(c.oid))::bigint AS scans,
    pg_catalog.concat_ws(
        ' ',
        extract(epoch FROM pg_catalog.pg_stat_get_bgwriter_stat_reset_time()),
        coalesce(extract(epoch FROM pg_catalog.pg_stat_get_db_stat_reset_time(b.oid))::text, 'never'),
        b.oid
    ) AS epoch,
    pg_catalog.current_setting('track_counts')::boolean AS counted
FROM member AS m
JOIN pg_catalog.pg_class AS c ON c.oid = m.oid
CROSS JOIN (
    SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
) AS b
GROUP BY m.root, b.oid
