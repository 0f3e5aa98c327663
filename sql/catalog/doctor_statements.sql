-- purpose: how full pg_stat_statements is and how often it had to forget; {schema} is the extension's
-- minimum version: 14
-- grant: pg_read_all_stats
SELECT
    (SELECT count(*) FROM {schema}.pg_stat_statements(false)) AS entries,
    (SELECT count(*) FROM {schema}.pg_stat_statements(false) WHERE queryid IS NULL) AS hidden,
    i.dealloc,
    EXTRACT(EPOCH FROM pg_catalog.now() - i.stats_reset)::double precision AS reset_seconds_ago
FROM {schema}.pg_stat_statements_info AS i
