-- purpose: how long the server has been at work on a message: milliseconds since it arrived, by the server's clock
-- minimum version: 14
-- cadence: every sweep
SELECT /* perf-pipeline */
    1000.0 * EXTRACT(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp())::pg_catalog.float8 AS ms
