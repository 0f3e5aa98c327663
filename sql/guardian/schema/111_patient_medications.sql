-- purpose: table guardian.patient_medications: one row per medication of a patient (G-107)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS guardian.patient_medications (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    patient_id uuid NOT NULL REFERENCES auth.users (id),
    name text NOT NULL,
    status guardian.medication_status NOT NULL DEFAULT 'active',
    started_on date,
    requires_review boolean NOT NULL DEFAULT false,
    confidence_score numeric(4, 3) CHECK (confidence_score BETWEEN 0 AND 1),
    archived boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE guardian.patient_medications IS 'One row per medication of a patient.';
