-- purpose: table guardian.medical_data_relationships: one row per relationship between two facts of a patient (G-107)
-- minimum version: 14
-- Its ends lie in tables that the row names, so no foreign key can hold them: orphans are found by
-- detect_orphaned_relationships. Whose it is says patient_id, not what the reader may see.
CREATE TABLE IF NOT EXISTS guardian.medical_data_relationships (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    patient_id uuid NOT NULL REFERENCES auth.users (id),
    relationship_type text NOT NULL,
    source_table text NOT NULL,
    source_id uuid NOT NULL,
    target_table text NOT NULL,
    target_id uuid NOT NULL,
    requires_review boolean NOT NULL DEFAULT false,
    confidence_score numeric(4, 3) CHECK (confidence_score BETWEEN 0 AND 1),
    archived boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE guardian.medical_data_relationships IS 'One row per relationship between two facts of a patient.';
