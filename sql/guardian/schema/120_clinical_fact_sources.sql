-- purpose: table guardian.clinical_fact_sources: one row per place in a document that a fact was read from (G-107)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS guardian.clinical_fact_sources (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    document_id uuid NOT NULL REFERENCES guardian.documents (id),
    source_table text NOT NULL,
    source_id uuid NOT NULL,
    page integer NOT NULL CHECK (page > 0),
    bounding_box box NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE guardian.clinical_fact_sources IS 'One row per place in a document that a fact was read from.';
