-- purpose: table menuca.query_routes: one row per kind of query: the role of the server it goes to (M-28)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS menuca.query_routes (
    query_type text PRIMARY KEY,
    server_role text NOT NULL CHECK (server_role IN ('primary', 'analytics', 'reporting'))
);
COMMENT ON TABLE menuca.query_routes IS 'One row per kind of query: the role of the server it goes to.';
INSERT INTO menuca.query_routes (query_type, server_role)
VALUES ('write', 'primary'), ('analytics', 'analytics'), ('reporting', 'reporting')
ON CONFLICT (query_type) DO NOTHING;
