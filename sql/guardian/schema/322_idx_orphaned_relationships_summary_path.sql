-- purpose: index idx_orphaned_relationships_summary_path: each path, class and kind once, which a concurrent refresh needs (G-62; two kinds may share a path)
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_orphaned_relationships_summary_path
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_orphaned_relationships_summary_path
    ON guardian.orphaned_relationships_summary (relationship_path, orphan_type, relationship_type);
