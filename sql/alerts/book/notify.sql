-- purpose: tell who listens on performance_alert
-- minimum version: 14
SELECT /* perf-pipeline */ pg_notify('performance_alert', %(payload)s)
