-- purpose: function guardian.dashboards_now: what the dashboards of many patients show, counted from the facts (G-30, G-32)
-- minimum version: 14
-- One statement without SET, so that it becomes part of the statement that calls it and is planned for
-- the patients it is given: each table is read once, by its index on the patient. Counts that are summed
-- are integers (a sum of bigint is numeric), and rows come sorted to where JSON is made: a state for each
-- patient at once is dear. It is text until the end: a jsonb of each part is dearer than reading the whole once.
CREATE OR REPLACE FUNCTION guardian.dashboards_now(patients uuid[])
RETURNS TABLE (
    patient_id uuid,
    active_medications bigint,
    active_conditions bigint,
    chronic_conditions bigint,
    active_allergies bigint,
    critical_allergies bigint,
    recent_labs bigint,
    recent_encounters bigint,
    recent_vitals bigint,
    total_documents bigint,
    pending_reviews bigint,
    total_relationships bigint,
    avg_confidence numeric,
    last_medication_at timestamptz,
    last_condition_at timestamptz,
    last_lab_at timestamptz,
    last_encounter_at timestamptz,
    last_vitals_at timestamptz,
    summary_data jsonb
)
LANGUAGE sql
STABLE
AS $$
    SELECT
        p.patient_id, coalesce(m.active, 0)::bigint, coalesce(c.active, 0)::bigint, coalesce(c.chronic, 0)::bigint,
        coalesce(a.active, 0), coalesce(a.critical, 0), coalesce(l.recent, 0), coalesce(e.recent, 0),
        coalesce(v.recent, 0), coalesce(d.total, 0),
        (
            coalesce(m.review, 0) + coalesce(c.review, 0) + coalesce(a.review, 0) + coalesce(l.review, 0)
            + coalesce(d.review, 0) + coalesce(r.review, 0)
        )::bigint,
        coalesce(r.total, 0), r.confidence, m.last, c.last, l.last, e.last, v.last,
        json_build_object(
            'medication_statuses', coalesce(m.statuses, '{}'),
            'condition_severities', coalesce(c.severities, '{}')
        )::jsonb
    FROM unnest(patients) AS p (patient_id)
    LEFT JOIN (
        SELECT
            g.patient_id,
            sum(g.n) FILTER (WHERE g.status = 'active') AS active,
            sum(g.review) AS review,
            max(g.last) AS last,
            json_object_agg(g.status, g.n) AS statuses
        FROM (
            SELECT
                f.patient_id, f.status, count(*)::integer AS n,
                (count(*) FILTER (WHERE f.requires_review))::integer AS review,
                max(f.created_at) AS last
            FROM guardian.patient_medications AS f
            WHERE f.patient_id = ANY (patients) AND f.archived IS NOT TRUE
            GROUP BY f.patient_id, f.status
            ORDER BY f.patient_id
        ) AS g
        GROUP BY g.patient_id
    ) AS m ON m.patient_id = p.patient_id
    LEFT JOIN (
        SELECT
            g.patient_id,
            sum(g.active) AS active,
            sum(g.chronic) AS chronic,
            sum(g.review) AS review,
            max(g.last) AS last,
            json_object_agg(coalesce(g.severity::text, 'unknown'), g.n) AS severities
        FROM (
            SELECT
                f.patient_id, f.severity, count(*)::integer AS n,
                (count(*) FILTER (WHERE f.status = 'active'))::integer AS active,
                (count(*) FILTER (WHERE f.status = 'chronic'))::integer AS chronic,
                (count(*) FILTER (WHERE f.requires_review))::integer AS review,
                max(f.created_at) AS last
            FROM guardian.patient_conditions AS f
            WHERE f.patient_id = ANY (patients) AND f.archived IS NOT TRUE
            GROUP BY f.patient_id, f.severity
            ORDER BY f.patient_id
        ) AS g
        GROUP BY g.patient_id
    ) AS c ON c.patient_id = p.patient_id
    LEFT JOIN (
        SELECT
            f.patient_id,
            count(*) FILTER (WHERE f.status = 'active') AS active,
            count(*) FILTER (WHERE f.status = 'active' AND f.severity >= 'severe') AS critical,
            count(*) FILTER (WHERE f.requires_review) AS review
        FROM guardian.patient_allergies AS f
        WHERE f.patient_id = ANY (patients) AND f.archived IS NOT TRUE
        GROUP BY f.patient_id
    ) AS a ON a.patient_id = p.patient_id
    LEFT JOIN (
        SELECT
            f.patient_id,
            count(*) FILTER (WHERE f.measured_at >= now() - interval '90 days') AS recent,
            count(*) FILTER (WHERE f.requires_review) AS review,
            max(f.measured_at) AS last
        FROM guardian.patient_lab_results AS f
        WHERE f.patient_id = ANY (patients) AND f.archived IS NOT TRUE
        GROUP BY f.patient_id
    ) AS l ON l.patient_id = p.patient_id
    LEFT JOIN (
        SELECT
            f.patient_id,
            count(*) FILTER (WHERE f.happened_at >= now() - interval '90 days') AS recent,
            max(f.happened_at) AS last
        FROM guardian.patient_encounters AS f
        WHERE f.patient_id = ANY (patients) AND f.archived IS NOT TRUE
        GROUP BY f.patient_id
    ) AS e ON e.patient_id = p.patient_id
    LEFT JOIN (
        SELECT
            f.patient_id,
            count(*) FILTER (WHERE f.measured_at >= now() - interval '90 days') AS recent,
            max(f.measured_at) AS last
        FROM guardian.patient_vitals AS f
        WHERE f.patient_id = ANY (patients) AND f.archived IS NOT TRUE
        GROUP BY f.patient_id
    ) AS v ON v.patient_id = p.patient_id
    LEFT JOIN (
        SELECT f.user_id, count(*) AS total, count(*) FILTER (WHERE f.requires_review) AS review
        FROM guardian.documents AS f
        WHERE f.user_id = ANY (patients) AND f.archived IS NOT TRUE
        GROUP BY f.user_id
    ) AS d ON d.user_id = p.patient_id
    LEFT JOIN (
        SELECT
            f.patient_id,
            count(*) AS total,
            count(*) FILTER (WHERE f.requires_review) AS review,
            round(avg(f.confidence_score), 3) AS confidence
        FROM guardian.medical_data_relationships AS f
        WHERE f.patient_id = ANY (patients) AND f.archived IS NOT TRUE
        GROUP BY f.patient_id
    ) AS r ON r.patient_id = p.patient_id
$$;
COMMENT ON FUNCTION guardian.dashboards_now(uuid[])
    IS 'One row per patient given: what a dashboard shows, from the patient''s own facts, as they are now.';
