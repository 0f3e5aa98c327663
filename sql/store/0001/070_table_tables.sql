-- purpose: what each table did between two sweeps, with its size and dead rows at the end
-- minimum version: 14
CREATE TABLE ledger.tables (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    relid bigint NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    quality ledger.quality NOT NULL,
    seq_scan bigint NOT NULL,
    seq_tup_read bigint NOT NULL,
    idx_scan bigint NOT NULL,
    idx_tup_fetch bigint NOT NULL,
    n_tup_ins bigint NOT NULL,
    n_tup_upd bigint NOT NULL,
    n_tup_del bigint NOT NULL,
    n_tup_hot_upd bigint NOT NULL,
    vacuum_count bigint NOT NULL,
    autovacuum_count bigint NOT NULL,
    analyze_count bigint NOT NULL,
    autoanalyze_count bigint NOT NULL,
    n_live_tup bigint NOT NULL,
    n_dead_tup bigint NOT NULL,
    n_mod_since_analyze bigint NOT NULL,
    relpages bigint NOT NULL
) PARTITION BY RANGE (ts);
