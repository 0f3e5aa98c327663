-- purpose: tables guardian.document_processing_stages_YYYY_MM: from 2025-01 to two months ahead (G-14)
-- minimum version: 14
SELECT guardian.create_monthly_partition('guardian.document_processing_stages', month::date)
FROM generate_series(
    timestamp '2025-01-01', (now() AT TIME ZONE 'UTC') + interval '2 months', interval '1 month'
) AS month;
