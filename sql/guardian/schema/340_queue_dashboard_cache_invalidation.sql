-- purpose: function guardian.queue_dashboard_cache_invalidation: queues the patients whose dashboards a statement changed (G-22)
-- minimum version: 14
-- Once per statement, not per row. Its argument names the column of the patient. A row that moves
-- concerns its old and its new patient. A change while the dashboard is computed raises the generation,
-- by which the reader knows that it is not done. An emptied table concerns whoever has a dashboard.
CREATE OR REPLACE FUNCTION guardian.queue_dashboard_cache_invalidation()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    told constant text := TG_TABLE_NAME || '_change';
    patients uuid[];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        patients := ARRAY(SELECT patient_id FROM guardian.user_dashboard_cache);
    ELSIF TG_ARGV[0] = 'user_id' AND TG_OP = 'UPDATE' THEN
        patients := ARRAY(SELECT user_id FROM changed UNION SELECT user_id FROM before);
    ELSIF TG_ARGV[0] = 'user_id' THEN
        patients := ARRAY(SELECT DISTINCT user_id FROM changed);
    ELSIF TG_OP = 'UPDATE' THEN
        patients := ARRAY(SELECT patient_id FROM changed UNION SELECT patient_id FROM before);
    ELSE
        patients := ARRAY(SELECT DISTINCT patient_id FROM changed);
    END IF;
    INSERT INTO guardian.cache_invalidation_queue AS q (patient_id, reason)
    SELECT p.id, told
    FROM unnest(patients) AS p (id)
    ORDER BY p.id  -- two statements with the same patients wait for each other, and never both
    ON CONFLICT (patient_id, cache_type) DO UPDATE
    SET generation = q.generation + 1,
        reason = excluded.reason,
        last_changed_at = clock_timestamp(),
        attempts = 0,
        last_error = NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION guardian.queue_dashboard_cache_invalidation()
    IS 'Statement trigger: one row of guardian.cache_invalidation_queue per patient concerned, the old one of a row that moves too.';
