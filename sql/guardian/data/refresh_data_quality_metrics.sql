-- purpose: data_quality_metrics of the rows just generated
-- minimum version: 14
REFRESH MATERIALIZED VIEW guardian.data_quality_metrics
