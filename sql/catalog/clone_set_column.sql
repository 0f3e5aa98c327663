-- purpose: tell the planner of a copy how many different values a column of the original has
-- minimum version: 18
SELECT pg_restore_attribute_stats(
    'schemaname', %(of_schema)s::text, 'relname', %(of_relation)s::text, 'attname', %(of_column)s::text,
    'inherited', %(inherited)s::boolean, 'null_frac', %(null_share)s::real, 'avg_width', %(width)s::integer,
    'n_distinct', %(n_distinct)s::real, 'correlation', %(correlation)s::real
)
