-- purpose: table guardian.patient_vitals: one row per reading of the vital signs of a patient (for G-32)
-- minimum version: 14
-- The dashboard counts recent visits and vital signs (G-28); no table of the list holds them.
CREATE TABLE IF NOT EXISTS guardian.patient_vitals (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    patient_id uuid NOT NULL REFERENCES auth.users (id),
    pulse integer,
    systolic integer,
    diastolic integer,
    measured_at timestamptz NOT NULL,
    archived boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE guardian.patient_vitals IS 'One row per reading of the vital signs of a patient.';
