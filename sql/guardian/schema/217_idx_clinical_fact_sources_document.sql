-- purpose: index idx_clinical_fact_sources_document: the facts of a document by page
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_clinical_fact_sources_document
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_clinical_fact_sources_document
    ON guardian.clinical_fact_sources (document_id, page);
