-- purpose: pairs of schema and name as one text, quoted where SQL needs it
-- minimum version: 14
SELECT
    n.schema_name, n.name,
    quote_ident(n.schema_name) || '.' || quote_ident(n.name) AS quoted
FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS n (schema_name, name)
