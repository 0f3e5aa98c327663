-- purpose: a counter that a server, or an imported history, does not tell is NULL, never 0
-- minimum version: 14
ALTER TABLE ledger.statements
    ALTER COLUMN exec_time_squares DROP NOT NULL,
    ALTER COLUMN plans DROP NOT NULL,
    ALTER COLUMN total_plan_time DROP NOT NULL,
    ALTER COLUMN rows DROP NOT NULL,
    ALTER COLUMN shared_blks_hit DROP NOT NULL,
    ALTER COLUMN shared_blks_read DROP NOT NULL,
    ALTER COLUMN shared_blks_dirtied DROP NOT NULL,
    ALTER COLUMN shared_blks_written DROP NOT NULL,
    ALTER COLUMN local_blks_hit DROP NOT NULL,
    ALTER COLUMN local_blks_read DROP NOT NULL,
    ALTER COLUMN local_blks_dirtied DROP NOT NULL,
    ALTER COLUMN local_blks_written DROP NOT NULL,
    ALTER COLUMN temp_blks_read DROP NOT NULL,
    ALTER COLUMN temp_blks_written DROP NOT NULL,
    ALTER COLUMN blk_read_time DROP NOT NULL,
    ALTER COLUMN blk_write_time DROP NOT NULL,
    ALTER COLUMN wal_records DROP NOT NULL,
    ALTER COLUMN wal_fpi DROP NOT NULL,
    ALTER COLUMN wal_bytes DROP NOT NULL,
    ALTER COLUMN jit_functions DROP NOT NULL,
    ALTER COLUMN jit_time DROP NOT NULL;
