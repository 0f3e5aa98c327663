-- purpose: of a rollup, what its rows are (a hash); of later stages, the rollups their result of the day rests on (a hash of those hashes)
-- minimum version: 14
ALTER TABLE perf_mgmt.day_progress
    ADD COLUMN version bigint,
    ADD COLUMN inputs text;
