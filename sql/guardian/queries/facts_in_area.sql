-- purpose: facts that were read within an area of a page
-- minimum version: 14
-- parameters: area (box), page
SELECT id, document_id, source_table, source_id
FROM guardian.clinical_fact_sources
WHERE bounding_box && %(area)s::box AND page = %(page)s
ORDER BY id
