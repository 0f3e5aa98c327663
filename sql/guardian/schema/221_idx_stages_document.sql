-- purpose: index idx_stages_document: the stages of a document
-- minimum version: 14
-- transaction: none
-- build: partition by partition
-- index: guardian.idx_stages_document
CREATE INDEX IF NOT EXISTS idx_stages_document
    ON ONLY guardian.document_processing_stages (document_id);
