-- purpose: table guardian.audit_log: one row per change that has to be told for seven years, by month (G-11, G-106)
-- minimum version: 14
-- No foreign key: the record of a change outlives what was changed, and who changed it.
CREATE TABLE IF NOT EXISTS guardian.audit_log (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    table_name text NOT NULL CHECK (length(table_name) BETWEEN 1 AND 200),
    record_id uuid,
    operation text NOT NULL CHECK (length(operation) BETWEEN 1 AND 200),
    reason text,
    changed_by uuid,
    changed_at timestamptz NOT NULL DEFAULT now(),
    audit_date date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    PRIMARY KEY (id, audit_date),
    CHECK (audit_date = (changed_at AT TIME ZONE 'UTC')::date)
) PARTITION BY RANGE (audit_date);
COMMENT ON TABLE guardian.audit_log IS 'One row per change that has to be told for seven years, by month.';
