-- purpose: what a relation of a name is, and whether rows come to it by logical replication
-- minimum version: 14
-- Applying a subscription fires row triggers only: what it changes could not be captured.
SELECT /* perf-pipeline */
    c.oid::bigint AS oid,
    c.relkind::text AS kind,
    EXISTS (SELECT FROM pg_catalog.pg_subscription_rel AS s WHERE s.srrelid = c.oid) AS subscribed
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname || '.' || c.relname = %(name)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
