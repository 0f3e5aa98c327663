-- purpose: let the planner of a copy see some of the indexes that are tried, and none of the others
-- minimum version: 14
UPDATE pg_catalog.pg_index SET indisvalid = indexrelid = ANY (%(seen)s::oid [])
WHERE indexrelid = ANY (%(tried)s::oid []) AND indisvalid <> (indexrelid = ANY (%(seen)s::oid []))
