-- purpose: table guardian.patient_lab_results: one row per measured value of a sample of a patient (G-107)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS guardian.patient_lab_results (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    patient_id uuid NOT NULL REFERENCES auth.users (id),
    test_name text NOT NULL,
    value double precision,
    unit text,
    measured_at timestamptz NOT NULL,
    requires_review boolean NOT NULL DEFAULT false,
    confidence_score numeric(4, 3) CHECK (confidence_score BETWEEN 0 AND 1),
    archived boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE guardian.patient_lab_results IS 'One row per measured value of a sample of a patient.';
