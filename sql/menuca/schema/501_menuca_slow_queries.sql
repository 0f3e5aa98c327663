-- purpose: view menuca.slow_queries: statements that take more than a second on average (M-43)
-- minimum version: 14
CREATE OR REPLACE VIEW menuca.slow_queries AS
SELECT s.query, s.calls, s.total_ms, s.mean_ms, s.returned_rows, s.hit_percent
FROM menuca.slow_statements(1000) AS s;
COMMENT ON VIEW menuca.slow_queries IS 'One row per statement of this database with a mean above 1000 ms.';
