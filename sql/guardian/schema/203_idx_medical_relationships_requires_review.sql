-- purpose: index idx_medical_relationships_requires_review: relationships to be reviewed (G-07)
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_medical_relationships_requires_review
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_medical_relationships_requires_review
    ON guardian.medical_data_relationships (requires_review)
    WHERE requires_review = TRUE AND archived IS NOT TRUE;
