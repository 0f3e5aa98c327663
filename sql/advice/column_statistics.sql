-- purpose: how many different values columns have, how often they occur, how many are null, how wide and in which order they lie; no value
-- minimum version: 14
-- grant: SELECT on the columns (pg_read_all_data has it); of others nothing is shown
-- cadence: each piece of advice
-- scope: database
SELECT /* perf-pipeline */
    s.schemaname::pg_catalog.text AS schema_name, s.tablename::pg_catalog.text AS table_name, s.attname::pg_catalog.text AS column_name,
    s.inherited, s.null_frac::pg_catalog.float8 AS null_share, s.avg_width::pg_catalog.int8 AS width,
    s.n_distinct::pg_catalog.float8 AS n_distinct, s.correlation::pg_catalog.float8 AS correlation,
    s.most_common_freqs::pg_catalog.float8[] AS frequencies
FROM pg_catalog.pg_stats AS s
WHERE s.schemaname NOT LIKE 'pg\_%%' AND s.schemaname <> 'information_schema'
ORDER BY 1, 2, 3, 4
