-- purpose: partitions of menuca.audit_logs from January 2024 to three months after this file runs (M-39)
-- minimum version: 14
SELECT menuca.create_monthly_partition('menuca.audit_logs', month::date)
FROM generate_series(
    timestamp '2024-01-01',
    (now() AT TIME ZONE 'UTC') + interval '3 months',
    interval '1 month'
) AS month;
