-- purpose: function menuca.route_query: the role of the server a kind of query goes to (M-29)
-- minimum version: 14
-- A role, not a host: where a role lives, and whether a replica is fresh enough, the client's
-- configuration knows.
CREATE OR REPLACE FUNCTION menuca.route_query(query_type text)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(
        (SELECT r.server_role FROM menuca.query_routes AS r WHERE r.query_type = route_query.query_type),
        'primary'
    )
$$;
COMMENT ON FUNCTION menuca.route_query(text)
    IS 'Role of the server for a kind of query; the primary for one that is not listed.';
