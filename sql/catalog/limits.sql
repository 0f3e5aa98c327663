-- purpose: bound what follows in time and make its answers readable: for the transaction, or for the session
-- minimum version: 14
-- `read_only` empty: as the role has it. A session in autocommit has no BEGIN to say it in.
-- One statement, so that one entry of pg_stat_statements is all it leaves.
SELECT /* perf-pipeline */
    pg_catalog.set_config('statement_timeout', %(statement_timeout)s, %(is_local)s),
    pg_catalog.set_config('lock_timeout', %(lock_timeout)s, %(is_local)s),
    pg_catalog.set_config('idle_in_transaction_session_timeout', %(statement_timeout)s, %(is_local)s),
    pg_catalog.set_config('client_encoding', %(client_encoding)s, %(is_local)s),
    pg_catalog.set_config('timezone', 'UTC', %(is_local)s),
    pg_catalog.set_config('datestyle', 'ISO, YMD', %(is_local)s),
    pg_catalog.set_config('search_path', 'pg_catalog', %(is_local)s),
    pg_catalog.set_config(
        'default_transaction_read_only',
        coalesce(nullif(%(read_only)s, ''), pg_catalog.current_setting('default_transaction_read_only')),
        %(is_local)s
    )
