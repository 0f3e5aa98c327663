-- purpose: what each table did in one day, and its rows and pages when it was last seen to change that day
-- minimum version: 14
CREATE TABLE ledger.tables_daily (
    seq_scan bigint,
    seq_tup_read bigint,
    idx_scan bigint,
    idx_tup_fetch bigint,
    n_tup_ins bigint,
    n_tup_upd bigint,
    n_tup_del bigint,
    n_tup_hot_upd bigint,
    n_live_tup bigint,
    n_dead_tup bigint,
    relpages bigint,
    target_id integer NOT NULL,
    day date NOT NULL,
    relid oid NOT NULL,
    source ledger.source NOT NULL,
    intervals integer NOT NULL,
    vacuums integer,
    analyzes integer,
    schema_name text NOT NULL,
    table_name text NOT NULL
) PARTITION BY RANGE (day);
