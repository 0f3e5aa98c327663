-- purpose: tables and row types of PoWA and pg_profile in this database, with their columns
-- minimum version: 14
SELECT /* perf-pipeline */
    n.nspname::text AS schema_name, c.relname::text AS relation,
    pg_catalog.array_agg(a.attname::text ORDER BY a.attnum) AS columns
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'c', 'v')
    AND c.relname IN (
        'powa_servers', 'powa_databases', 'powa_statements', 'powa_statements_history',
        'powa_statements_history_current', 'powa_statements_history_db',
        'powa_statements_history_current_db', 'powa_statements_history_record',
        'servers', 'samples', 'sample_statements', 'sample_statements_total', 'stmt_list',
        'sample_stat_database', 'sample_settings'
    )
GROUP BY n.nspname, c.relname
ORDER BY n.nspname, c.relname
