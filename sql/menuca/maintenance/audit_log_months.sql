-- purpose: make the partitions of menuca.audit_logs between two instants, unless they are there (M-38)
-- minimum version: 14
-- parameters: since, until
SELECT menuca.create_monthly_partition('menuca.audit_logs', month::date)
FROM generate_series(
    date_trunc('month', %(since)s::timestamptz AT TIME ZONE 'UTC'),
    %(until)s::timestamptz AT TIME ZONE 'UTC',
    interval '1 month'
) AS month
