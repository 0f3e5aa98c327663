-- purpose: tables omninode.hook_events_YYYY_MM: from 2024-01 to the month after the next (O-11)
-- minimum version: 14
SELECT omninode.create_monthly_partition('omninode.hook_events', month::date)
FROM generate_series(
    timestamp '2024-01-01', (now() AT TIME ZONE 'UTC') + interval '2 months', interval '1 month'
) AS month;
