"""Load on a database: pgbench is the engine, its per-transaction logs are the measurement."""
