-- purpose: how far long commands had got at the instant of a sweep
-- minimum version: 14
CREATE TABLE ledger.progress (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    command text NOT NULL,
    pid bigint NOT NULL,
    relid bigint,
    schema_name text,
    relation_name text,
    phase text,
    done bigint,
    total bigint,
    unit text NOT NULL,
    rounds bigint,
    backend_type text,
    queryid bigint,
    seconds double precision
) PARTITION BY RANGE (ts);
