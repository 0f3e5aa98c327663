-- purpose: function perf_pipeline_meta.has_changes: whether anything was captured for an incremental view and not applied
-- minimum version: 14
-- Its table's name follows from the number, so that one statement asks for any number of views. What is
-- not there to be looked at counts as changed.
CREATE OR REPLACE FUNCTION perf_pipeline_meta.has_changes(rollup_id integer)
RETURNS boolean
LANGUAGE plpgsql
STABLE STRICT SECURITY INVOKER
AS $$
DECLARE
    captured pg_catalog.regclass := pg_catalog.to_regclass('perf_pipeline_meta.rollup_' || rollup_id || '_changes');
    found boolean := true;
BEGIN
    IF captured IS NOT NULL THEN
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || captured || ')' INTO found;
    END IF;
    RETURN found;
END
$$
