-- purpose: samples of a server in a pg_profile repository: when, resets, and the sums over all statements of a database
-- minimum version: 14
-- extension: pg_profile 4.0 to 4.11
-- grant: none: pg_profile lets everybody read its samples
SELECT /* perf-pipeline */
    p.sample_id, p.sample_time AS ts,
    EXISTS (
        SELECT FROM {schema}.sample_statements_total AS a
        WHERE a.server_id = p.server_id AND a.sample_id = p.sample_id
    ) AS has_statements,
    d.stats_reset, t.statements, t.calls, t.total_exec_time
FROM {schema}.samples AS p
LEFT JOIN {schema}.sample_stat_database AS d
    ON d.server_id = p.server_id AND d.sample_id = p.sample_id AND d.datid = %(dbid)s::bigint::oid
LEFT JOIN {schema}.sample_statements_total AS t
    ON t.server_id = p.server_id AND t.sample_id = p.sample_id AND t.datid = %(dbid)s::bigint::oid
WHERE p.server_id = %(server_id)s
ORDER BY p.sample_id
