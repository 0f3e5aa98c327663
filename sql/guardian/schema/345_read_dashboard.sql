-- purpose: function guardian.read_dashboard: a patient's dashboard as it is kept, computed where there is none (G-32)
-- minimum version: 14
-- The look is counted by an insert that waits for nobody, where the transaction may write at all. A
-- standby, or a transaction that only reads, gets what is kept and counts nothing.
CREATE OR REPLACE FUNCTION guardian.read_dashboard(patient uuid)
RETURNS SETOF guardian.user_dashboard_cache
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kept guardian.user_dashboard_cache;
    hit boolean;
BEGIN
    SELECT k.* INTO kept FROM guardian.user_dashboard_cache AS k WHERE k.patient_id = patient;
    hit := FOUND;
    IF current_setting('transaction_read_only') = 'off' THEN
        IF NOT hit THEN
            IF guardian.refresh_user_dashboard_cache(patient) IS NULL THEN
                RETURN;  -- no such patient
            END IF;
            SELECT k.* INTO kept FROM guardian.user_dashboard_cache AS k WHERE k.patient_id = patient;
        END IF;
        INSERT INTO guardian.dashboard_reads (patient_id, hit) VALUES (patient, hit);
    END IF;
    IF kept.patient_id IS NOT NULL THEN
        RETURN NEXT kept;
    END IF;
END
$$;
COMMENT ON FUNCTION guardian.read_dashboard(uuid)
    IS 'A patient''s dashboard, one row; none where there is no such patient. Counts a hit or a miss.';
