-- purpose: function guardian.refresh_user_dashboard_cache: computes and keeps what a patient's dashboard shows (G-30, G-31, G-32)
-- minimum version: 14
-- Whose a relationship is says its patient_id, so that no count depends on who asks. The dashboard's row
-- is locked before the facts are read: of two that refresh one patient the later to store is the later to
-- read. For many patients at once: guardian.refresh_dashboards, which is equal by test.
CREATE OR REPLACE FUNCTION guardian.refresh_user_dashboard_cache(patient uuid)
RETURNS double precision
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    began constant timestamptz := clock_timestamp();
    took double precision;
BEGIN
    INSERT INTO guardian.user_dashboard_cache (patient_id, cache_version, cache_generation_time_ms)
    SELECT u.id, 0, 0
    FROM auth.users AS u
    WHERE u.id = patient AND NOT EXISTS (SELECT FROM guardian.user_dashboard_cache AS k WHERE k.patient_id = patient)
    ON CONFLICT DO NOTHING;
    PERFORM FROM guardian.user_dashboard_cache AS k WHERE k.patient_id = patient FOR NO KEY UPDATE;
    INSERT INTO guardian.user_dashboard_cache AS kept (
        patient_id, active_medications, active_conditions, chronic_conditions, active_allergies,
        critical_allergies, recent_labs, recent_encounters, recent_vitals, total_documents,
        pending_reviews, total_relationships, avg_confidence, last_medication_at, last_condition_at,
        last_lab_at, last_encounter_at, last_vitals_at, summary_data, cache_generation_time_ms
    )
    SELECT
        patient, m.active, c.active, c.chronic, a.active, a.critical, l.recent, e.recent, v.recent,
        d.total, m.review + c.review + a.review + l.review + d.review + r.review, r.total,
        r.confidence, m.last, c.last, l.last, e.last, v.last,
        jsonb_build_object('medication_statuses', m.statuses, 'condition_severities', c.severities), 0
    FROM (
        SELECT
            count(*) FILTER (WHERE status = 'active') AS active,
            count(*) FILTER (WHERE requires_review) AS review,
            max(created_at) AS last,
            coalesce((
                SELECT jsonb_object_agg(s.status, s.n)
                FROM (
                    SELECT status, count(*) AS n
                    FROM guardian.patient_medications
                    WHERE patient_id = patient AND archived IS NOT TRUE
                    GROUP BY status
                ) AS s
            ), '{}') AS statuses
        FROM guardian.patient_medications
        WHERE patient_id = patient AND archived IS NOT TRUE
    ) AS m
    CROSS JOIN (
        SELECT
            count(*) FILTER (WHERE status = 'active') AS active,
            count(*) FILTER (WHERE status = 'chronic') AS chronic,
            count(*) FILTER (WHERE requires_review) AS review,
            max(created_at) AS last,
            coalesce((
                SELECT jsonb_object_agg(s.severity, s.n)
                FROM (
                    SELECT coalesce(severity::text, 'unknown') AS severity, count(*) AS n
                    FROM guardian.patient_conditions
                    WHERE patient_id = patient AND archived IS NOT TRUE
                    GROUP BY 1
                ) AS s
            ), '{}') AS severities
        FROM guardian.patient_conditions
        WHERE patient_id = patient AND archived IS NOT TRUE
    ) AS c
    CROSS JOIN (
        SELECT
            count(*) FILTER (WHERE status = 'active') AS active,
            count(*) FILTER (WHERE status = 'active' AND severity >= 'severe') AS critical,
            count(*) FILTER (WHERE requires_review) AS review
        FROM guardian.patient_allergies
        WHERE patient_id = patient AND archived IS NOT TRUE
    ) AS a
    CROSS JOIN (
        SELECT
            count(*) FILTER (WHERE measured_at >= now() - interval '90 days') AS recent,
            count(*) FILTER (WHERE requires_review) AS review,
            max(measured_at) AS last
        FROM guardian.patient_lab_results
        WHERE patient_id = patient AND archived IS NOT TRUE
    ) AS l
    CROSS JOIN (
        SELECT
            count(*) FILTER (WHERE happened_at >= now() - interval '90 days') AS recent,
            max(happened_at) AS last
        FROM guardian.patient_encounters
        WHERE patient_id = patient AND archived IS NOT TRUE
    ) AS e
    CROSS JOIN (
        SELECT
            count(*) FILTER (WHERE measured_at >= now() - interval '90 days') AS recent,
            max(measured_at) AS last
        FROM guardian.patient_vitals
        WHERE patient_id = patient AND archived IS NOT TRUE
    ) AS v
    CROSS JOIN (
        SELECT count(*) AS total, count(*) FILTER (WHERE requires_review) AS review
        FROM guardian.documents
        WHERE user_id = patient AND archived IS NOT TRUE
    ) AS d
    CROSS JOIN (
        SELECT
            count(*) AS total,
            count(*) FILTER (WHERE requires_review) AS review,
            round(avg(confidence_score), 3) AS confidence
        FROM guardian.medical_data_relationships
        WHERE patient_id = patient AND archived IS NOT TRUE
    ) AS r
    WHERE EXISTS (SELECT FROM auth.users AS u WHERE u.id = patient)
    ON CONFLICT (patient_id) DO UPDATE
    SET (
            active_medications, active_conditions, chronic_conditions, active_allergies,
            critical_allergies, recent_labs, recent_encounters, recent_vitals, total_documents,
            pending_reviews, total_relationships, avg_confidence, last_medication_at,
            last_condition_at, last_lab_at, last_encounter_at, last_vitals_at, summary_data
        ) = ROW(
            excluded.active_medications, excluded.active_conditions, excluded.chronic_conditions,
            excluded.active_allergies, excluded.critical_allergies, excluded.recent_labs,
            excluded.recent_encounters, excluded.recent_vitals, excluded.total_documents,
            excluded.pending_reviews, excluded.total_relationships, excluded.avg_confidence,
            excluded.last_medication_at, excluded.last_condition_at, excluded.last_lab_at,
            excluded.last_encounter_at, excluded.last_vitals_at, excluded.summary_data
        ),
        cache_updated_at = clock_timestamp(),
        cache_version = kept.cache_version + 1;
    IF NOT FOUND THEN
        RETURN NULL;  -- the patient is gone, and the cache with it
    END IF;
    took := extract(epoch FROM clock_timestamp() - began) * 1000;
    UPDATE guardian.user_dashboard_cache
    SET cache_generation_time_ms = took
    WHERE patient_id = patient;
    IF took > 2000 THEN
        INSERT INTO guardian.audit_log (table_name, record_id, operation, reason)
        VALUES ('user_dashboard_cache', patient, 'SLOW_REFRESH', round(took::numeric) || ' ms');
    END IF;
    RETURN took;
END
$$;
COMMENT ON FUNCTION guardian.refresh_user_dashboard_cache(uuid)
    IS 'Compute what a patient''s dashboard shows, every column from its own facts; returns the milliseconds, NULL if there is no such patient.';
