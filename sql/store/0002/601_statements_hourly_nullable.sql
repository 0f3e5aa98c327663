-- purpose: an hour's sum with a part that is not known is NULL
-- minimum version: 14
ALTER TABLE ledger.statements_hourly
    ALTER COLUMN exec_time_squares DROP NOT NULL,
    ALTER COLUMN plans DROP NOT NULL,
    ALTER COLUMN total_plan_time DROP NOT NULL,
    ALTER COLUMN rows DROP NOT NULL,
    ALTER COLUMN shared_blks_hit DROP NOT NULL,
    ALTER COLUMN shared_blks_read DROP NOT NULL,
    ALTER COLUMN shared_blks_dirtied DROP NOT NULL,
    ALTER COLUMN shared_blks_written DROP NOT NULL,
    ALTER COLUMN temp_blks_read DROP NOT NULL,
    ALTER COLUMN temp_blks_written DROP NOT NULL,
    ALTER COLUMN blk_read_time DROP NOT NULL,
    ALTER COLUMN blk_write_time DROP NOT NULL,
    ALTER COLUMN wal_bytes DROP NOT NULL,
    ALTER COLUMN jit_time DROP NOT NULL;
