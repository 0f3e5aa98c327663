-- purpose: what of tables and indexes was wasted, measured by pgstattuple or estimated from statistics
-- minimum version: 14
CREATE TABLE ledger.bloat (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    relid bigint NOT NULL,
    table_relid bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('table', 'materialized view', 'toast', 'index')),
    schema_name text NOT NULL,
    table_name text NOT NULL,
    relation_name text NOT NULL,
    method text NOT NULL CHECK (method IN ('pgstattuple', 'estimate')),
    total_bytes bigint NOT NULL,
    wasted_bytes bigint NOT NULL,
    dead_bytes bigint,
    free_bytes bigint,
    tuples bigint,
    leaf_density double precision,
    fillfactor bigint
) PARTITION BY RANGE (ts);
