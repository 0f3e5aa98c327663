-- purpose: the months of generated rows get their partitions, those of today's schema or not
-- minimum version: 14
-- parameters: audit_since, stages_since, until (UTC)
SELECT guardian.create_monthly_partition(parent, month::date)
FROM (
    VALUES
        ('guardian.audit_log'::regclass, %(audit_since)s::timestamp),
        ('guardian.document_processing_stages'::regclass, %(stages_since)s::timestamp)
) AS t (parent, since)
CROSS JOIN LATERAL generate_series(
    date_trunc('month', since), %(until)s::timestamp, interval '1 month'
) AS month
