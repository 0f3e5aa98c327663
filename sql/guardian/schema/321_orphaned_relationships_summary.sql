-- purpose: materialized view guardian.orphaned_relationships_summary: orphans by path, class and kind (G-61)
-- minimum version: 14
CREATE MATERIALIZED VIEW IF NOT EXISTS guardian.orphaned_relationships_summary AS
SELECT
    source_table || ' -> ' || target_table AS relationship_path,
    orphan_type,
    relationship_type,
    count(*) AS orphans,
    min(age_days) AS newest_age_days,
    max(age_days) AS oldest_age_days,
    round(avg(age_days), 1) AS avg_age_days,
    count(*) FILTER (WHERE age_days > 30) AS older_than_30_days,
    count(*) FILTER (WHERE age_days > 7) AS older_than_7_days
FROM guardian.detect_orphaned_relationships()
GROUP BY source_table, target_table, orphan_type, relationship_type;
COMMENT ON MATERIALIZED VIEW guardian.orphaned_relationships_summary IS
    'One row per path, class and kind of relationship with orphans, as of the last refresh.';
