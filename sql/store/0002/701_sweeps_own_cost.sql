-- purpose: our sessions on the target at that time, milliseconds of reading texts afterwards, and the spacing that was expected
-- minimum version: 14
ALTER TABLE ledger.sweeps
    ADD COLUMN connections integer,
    ADD COLUMN texts_ms double precision,
    ADD COLUMN expected_seconds double precision
