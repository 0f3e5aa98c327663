-- purpose: the months of generated events get their partitions, those of today's schema or not
-- minimum version: 14
-- parameters: since, until (UTC)
SELECT omninode.create_monthly_partition('omninode.hook_events', month::date)
FROM generate_series(
    date_trunc('month', %(since)s::timestamp), %(until)s::timestamp, interval '1 month'
) AS month
