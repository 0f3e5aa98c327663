-- purpose: function menuca.slow_statements: statements of this database slower than a limit, on average
-- minimum version: 14
-- A function, not part of a view: a view over pg_stat_statements would stop the extension's update.
CREATE OR REPLACE FUNCTION menuca.slow_statements(slower_than_ms double precision)
RETURNS TABLE (
    query text,
    calls bigint,
    total_ms double precision,
    mean_ms double precision,
    returned_rows bigint,
    hit_percent numeric
)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        s.query,
        s.calls,
        s.total_exec_time,
        s.mean_exec_time,
        s.rows,
        round(100.0 * s.shared_blks_hit / nullif(s.shared_blks_hit + s.shared_blks_read, 0), 2)
    FROM public.pg_stat_statements AS s
    WHERE s.dbid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
      AND s.mean_exec_time > slower_than_ms
    ORDER BY s.mean_exec_time DESC
$$;
COMMENT ON FUNCTION menuca.slow_statements(double precision)
    IS 'Statements of this database whose mean time is above a limit in ms; hit_percent is NULL without a block read.';
