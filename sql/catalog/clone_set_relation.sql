-- purpose: tell the planner of a copy how large a table or index of the original is
-- minimum version: 18
SELECT pg_restore_relation_stats(
    'schemaname', %(of_schema)s::text, 'relname', %(of_relation)s::text, 'relpages', %(pages)s::integer,
    'reltuples', %(rows)s::real, 'relallvisible', %(visible_pages)s::integer
)
