-- purpose: hours of the day and of the week that differ from the coarser tier, five bytes each (slot, samples, center in two bytes, calls: see perf_pipeline/baselines/packed.py), beside the statement's own row; a row holds from its day on, to the end of that week or to the statement's next row
-- minimum version: 14
ALTER TABLE perf_mgmt.statement_baselines
    ADD COLUMN daily_spread double precision,
    ADD COLUMN daily bytea NOT NULL DEFAULT '',
    ADD COLUMN weekly_spread double precision,
    ADD COLUMN weekly bytea NOT NULL DEFAULT '';
