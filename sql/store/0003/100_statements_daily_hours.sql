-- purpose: the hours of each day beside its sums: bit n of hours says that hour n has exact calls, hourly has three bytes for each such hour (mean execution time, calls; logarithms, see perf_pipeline/store/hours.py), so that a year of hours is read in seconds
-- minimum version: 14
ALTER TABLE ledger.statements_daily
    ALTER COLUMN intervals TYPE smallint,
    ALTER COLUMN exact_intervals TYPE smallint,
    ADD COLUMN hours integer NOT NULL DEFAULT 0,
    ADD COLUMN hourly bytea NOT NULL DEFAULT '';
