-- purpose: clients of a database at the instant of a sweep, by state, application and address
-- minimum version: 14
CREATE TABLE ledger.connections (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    state text NOT NULL,
    application_name text NOT NULL,
    client text,
    sessions bigint NOT NULL,
    mean_state_seconds double precision,
    longest_state_seconds double precision
) PARTITION BY RANGE (ts);
