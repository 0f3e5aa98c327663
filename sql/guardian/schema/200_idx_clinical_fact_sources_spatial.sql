-- purpose: index idx_clinical_fact_sources_spatial: places that a box touches (G-07)
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_clinical_fact_sources_spatial
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_clinical_fact_sources_spatial
    ON guardian.clinical_fact_sources USING gist (bounding_box);
