-- purpose: performance_summary of the rows just generated
-- minimum version: 14
REFRESH MATERIALIZED VIEW omninode.performance_summary
