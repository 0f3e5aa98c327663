-- purpose: calls and times of each function between two sweeps; rows only for functions that ran
-- minimum version: 14
CREATE TABLE ledger.functions (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    funcid bigint NOT NULL,
    schema_name text NOT NULL,
    function_name text NOT NULL,
    arguments text NOT NULL,
    quality ledger.quality NOT NULL,
    calls bigint NOT NULL,
    total_time double precision NOT NULL,
    self_time double precision NOT NULL
) PARTITION BY RANGE (ts);
