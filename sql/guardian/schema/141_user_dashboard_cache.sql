-- purpose: table guardian.user_dashboard_cache: one row per patient: the summary the dashboard shows (G-28)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS guardian.user_dashboard_cache (
    patient_id uuid PRIMARY KEY REFERENCES auth.users (id) ON DELETE CASCADE,
    active_medications integer NOT NULL DEFAULT 0,
    active_conditions integer NOT NULL DEFAULT 0,
    chronic_conditions integer NOT NULL DEFAULT 0,
    active_allergies integer NOT NULL DEFAULT 0,
    critical_allergies integer NOT NULL DEFAULT 0,
    recent_labs integer NOT NULL DEFAULT 0,
    recent_encounters integer NOT NULL DEFAULT 0,
    recent_vitals integer NOT NULL DEFAULT 0,
    total_documents integer NOT NULL DEFAULT 0,
    pending_reviews integer NOT NULL DEFAULT 0,
    total_relationships integer NOT NULL DEFAULT 0,
    avg_confidence numeric(4, 3),
    last_medication_at timestamptz,
    last_condition_at timestamptz,
    last_lab_at timestamptz,
    last_encounter_at timestamptz,
    last_vitals_at timestamptz,
    summary_data jsonb NOT NULL DEFAULT '{}',
    cache_updated_at timestamptz NOT NULL DEFAULT now(),
    cache_version bigint NOT NULL DEFAULT 1,
    cache_generation_time_ms double precision NOT NULL CHECK (cache_generation_time_ms >= 0),
    cache_hits bigint NOT NULL DEFAULT 0,
    cache_misses bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE guardian.user_dashboard_cache IS 'One row per patient: the summary the dashboard shows.';
