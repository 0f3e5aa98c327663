-- purpose: makes the partitions of activity_stream that generated rows lie in, where they are missing
-- minimum version: 14
SELECT system_core.create_monthly_partition('system_core.activity_stream', month::date)
FROM generate_series(
    date_trunc('month', %(since)s::timestamp), %(until)s::timestamp, interval '1 month'
) AS month
