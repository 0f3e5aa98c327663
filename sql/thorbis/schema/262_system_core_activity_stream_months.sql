-- purpose: tables system_core.activity_stream_YYYY_MM: from 2025-01 to the month after the next (T-24)
-- minimum version: 14
SELECT system_core.create_monthly_partition('system_core.activity_stream', month::date)
FROM generate_series(
    timestamp '2025-01-01', (now() AT TIME ZONE 'UTC') + interval '2 months', interval '1 month'
) AS month;
