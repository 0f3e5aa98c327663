-- purpose: tables guardian.audit_log_YYYY_MM: from 2025-01 to three months ahead (G-11)
-- minimum version: 14
SELECT guardian.create_monthly_partition('guardian.audit_log', month::date)
FROM generate_series(
    timestamp '2025-01-01', (now() AT TIME ZONE 'UTC') + interval '3 months', interval '1 month'
) AS month;
