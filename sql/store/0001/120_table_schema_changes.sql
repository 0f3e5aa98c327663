-- purpose: tables, indexes, columns, views, functions created, dropped or altered between two sweeps
-- minimum version: 14
CREATE TABLE ledger.schema_changes (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    previous_ts timestamptz NOT NULL,
    kind text NOT NULL,
    object_name text NOT NULL,
    relation_name text,
    change text NOT NULL CHECK (change IN ('created', 'dropped', 'altered')),
    definition_before text,
    definition_after text
) PARTITION BY RANGE (ts);
