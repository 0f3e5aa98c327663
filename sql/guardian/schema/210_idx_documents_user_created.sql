-- purpose: index idx_documents_user_created: a user's documents, newest first, page by page
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_documents_user_created
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_documents_user_created
    ON guardian.documents (user_id, created_at DESC, id DESC)
    WHERE archived IS NOT TRUE;
