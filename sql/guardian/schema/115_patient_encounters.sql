-- purpose: table guardian.patient_encounters: one row per visit of a patient (for G-32)
-- minimum version: 14
-- The dashboard counts recent visits and vital signs (G-28); no table of the list holds them.
CREATE TABLE IF NOT EXISTS guardian.patient_encounters (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    patient_id uuid NOT NULL REFERENCES auth.users (id),
    kind text NOT NULL,
    happened_at timestamptz NOT NULL,
    archived boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE guardian.patient_encounters IS 'One row per visit of a patient.';
