-- purpose: table guardian.relationship_types: one row per kind of relationship, with the tables it may lead from and to (G-64)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS guardian.relationship_types (
    relationship_type text PRIMARY KEY CHECK (relationship_type <> ''),
    valid_source_tables text[] NOT NULL CHECK (cardinality(valid_source_tables) > 0),
    valid_target_tables text[] NOT NULL CHECK (cardinality(valid_target_tables) > 0),
    is_active boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE guardian.relationship_types IS 'One row per kind of relationship, with the tables it may lead from and to.';
