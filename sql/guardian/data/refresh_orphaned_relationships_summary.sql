-- purpose: orphaned_relationships_summary of the rows just generated
-- minimum version: 14
REFRESH MATERIALIZED VIEW guardian.orphaned_relationships_summary
