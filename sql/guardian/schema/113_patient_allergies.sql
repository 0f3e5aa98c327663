-- purpose: table guardian.patient_allergies: one row per allergy of a patient (G-107)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS guardian.patient_allergies (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    patient_id uuid NOT NULL REFERENCES auth.users (id),
    substance text NOT NULL,
    status guardian.allergy_status NOT NULL DEFAULT 'active',
    severity guardian.severity,
    requires_review boolean NOT NULL DEFAULT false,
    confidence_score numeric(4, 3) CHECK (confidence_score BETWEEN 0 AND 1),
    archived boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE guardian.patient_allergies IS 'One row per allergy of a patient.';
