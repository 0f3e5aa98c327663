-- purpose: table guardian.audit_log_default: changes of no month that has a partition (G-20)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS guardian.audit_log_default PARTITION OF guardian.audit_log DEFAULT;
COMMENT ON TABLE guardian.audit_log_default IS
    'One row per change of a month without a partition: empty while partitions are kept up.';
