-- purpose: function guardian.refresh_dashboards: keeps the dashboards of many patients in one statement (G-24, G-28, G-30 to G-32)
-- minimum version: 14
-- Each dashboard's row is locked before its facts are read: of two that refresh one patient the later to
-- store is the later to read, so what is older never replaces what is newer. One plan serves any number
-- of patients: looking up a thousand of them in the statistics of each index takes longer than the work.
-- It may not compare each with each, which only pays for few; and it reads each page once (a bitmap), however
-- many of its rows are wanted.
-- More than 2 s leave an entry of the audit; the setting guardian.slow_refresh_ms says otherwise.
-- '*' is everybody who has a dashboard: each is queued by himself, to be refreshed batch by batch.
CREATE OR REPLACE FUNCTION guardian.refresh_dashboards(entities text[])
RETURNS TABLE (entity text, error text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_nestloop = off
SET enable_indexscan = off
AS $$
#variable_conflict use_column
DECLARE
    began constant timestamptz := clock_timestamp();
    patients uuid[];
    took double precision;
    slow_ms constant double precision := coalesce(nullif(current_setting('guardian.slow_refresh_ms', true), '')::double precision, 2000);
BEGIN
    IF '*' = ANY (entities) THEN
        PERFORM perf_pipeline_meta.invalidate('dashboard', c.patient_id::text, 'every_dashboard')
        FROM guardian.user_dashboard_cache AS c;
    END IF;
    patients := ARRAY(
        SELECT u.id
        FROM auth.users AS u
        WHERE u.id = ANY (ARRAY(SELECT guardian.patient_of(e.id) FROM unnest(entities) AS e (id)))
        ORDER BY u.id
    );
    INSERT INTO guardian.user_dashboard_cache (patient_id, cache_version, cache_generation_time_ms)
    SELECT p.id, 0, 0
    FROM unnest(patients) AS p (id)
    WHERE NOT EXISTS (SELECT FROM guardian.user_dashboard_cache AS k WHERE k.patient_id = p.id)
    ORDER BY p.id
    ON CONFLICT DO NOTHING;
    PERFORM FROM guardian.user_dashboard_cache AS k
    WHERE k.patient_id = ANY (patients)
    ORDER BY k.patient_id
    FOR NO KEY UPDATE;
    UPDATE guardian.user_dashboard_cache AS kept
    SET active_medications = n.active_medications,
        active_conditions = n.active_conditions,
        chronic_conditions = n.chronic_conditions,
        active_allergies = n.active_allergies,
        critical_allergies = n.critical_allergies,
        recent_labs = n.recent_labs,
        recent_encounters = n.recent_encounters,
        recent_vitals = n.recent_vitals,
        total_documents = n.total_documents,
        pending_reviews = n.pending_reviews,
        total_relationships = n.total_relationships,
        avg_confidence = n.avg_confidence,
        last_medication_at = n.last_medication_at,
        last_condition_at = n.last_condition_at,
        last_lab_at = n.last_lab_at,
        last_encounter_at = n.last_encounter_at,
        last_vitals_at = n.last_vitals_at,
        summary_data = n.summary_data,
        cache_updated_at = clock_timestamp(),
        cache_version = kept.cache_version + 1,
        -- a patient's share of what the statement has taken up to his row is not his time: the mean is
        cache_generation_time_ms = extract(epoch FROM clock_timestamp() - began) * 1000 / cardinality(patients)
    FROM guardian.dashboards_now(patients) AS n
    WHERE kept.patient_id = n.patient_id AND kept.patient_id = ANY (patients);
    took := extract(epoch FROM clock_timestamp() - began) * 1000;
    IF took > slow_ms THEN
        INSERT INTO guardian.audit_log (table_name, record_id, operation, reason)
        VALUES (
            'user_dashboard_cache', CASE WHEN cardinality(patients) = 1 THEN patients[1] END, 'SLOW_REFRESH',
            round(took::numeric) || ' ms for ' || cardinality(patients) || ' dashboards'
        );
    END IF;
    PERFORM guardian.count_dashboard_reads();
    RETURN QUERY
    SELECT e.id, 'not the id of a patient'
    FROM unnest(entities) AS e (id)
    WHERE e.id <> '*' AND guardian.patient_of(e.id) IS NULL;
END
$$;
COMMENT ON FUNCTION guardian.refresh_dashboards(text[])
    IS 'Compute and keep the dashboards of patients, by id; a row for each that could not be. A patient who is gone is no error.';
