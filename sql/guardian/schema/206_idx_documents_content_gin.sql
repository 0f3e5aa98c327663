-- purpose: index idx_documents_content_gin: words of documents (G-07; of a bounded vector, else a long document could not be stored)
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_documents_content_gin
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_documents_content_gin
    ON guardian.documents USING gin (content_vector);
