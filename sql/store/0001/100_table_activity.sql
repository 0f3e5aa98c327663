-- purpose: who was connected and what they waited for at the instant of a sweep, counted by kind
-- minimum version: 14
CREATE TABLE ledger.activity (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    backend_type text NOT NULL,
    state text NOT NULL,
    wait_event_type text NOT NULL,
    wait_event text NOT NULL,
    sessions bigint NOT NULL,
    oldest_xact_seconds double precision,
    oldest_query_seconds double precision
) PARTITION BY RANGE (ts);
