-- purpose: function omninode.batch_insert_hook_events: takes a batch of events, each once, and says what became of it (O-20)
-- minimum version: 14
-- What happened (source, action, resource, payload) is told by the first delivery of an id and stays;
-- its state moves forward only: processed stays processed, the retry count never falls. An event
-- that cannot be taken is rejected with its reason and keeps none of the others back.
CREATE OR REPLACE FUNCTION omninode.batch_insert_hook_events(events jsonb)
RETURNS TABLE (
    received integer,
    inserted integer,
    updated integer,
    unchanged integer,
    rejected integer,
    rejects jsonb
)
LANGUAGE plpgsql
AS $$
BEGIN
    IF jsonb_typeof(events) IS DISTINCT FROM 'array' THEN
        RAISE EXCEPTION 'events is %, not an array', coalesce(jsonb_typeof(events), 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY
    WITH told AS MATERIALIZED (
        SELECT
            place,
            item,
            nullif(item ->> 'id', '') AS id,
            omninode.timestamp_or_null(item ->> 'created_at') AS created_at,
            item ->> 'created_at' AS created_text,
            item ->> 'source' AS source,
            item ->> 'action' AS action,
            item ->> 'resource' AS resource,
            item ->> 'resource_id' AS resource_id,
            item -> 'payload' AS payload,
            item -> 'processed' AS processed,
            item -> 'retry_count' AS retries,
            item -> 'processing_errors' AS errors
        FROM jsonb_array_elements(events) WITH ORDINALITY AS e (item, place)
    ), judged AS MATERIALIZED (
        SELECT
            t.*,
            CASE
                WHEN jsonb_typeof(item) <> 'object' THEN 'not an object'
                WHEN id IS NULL THEN 'id is missing'
                WHEN id !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN 'id is no UUID'
                WHEN length(coalesce(source, '')) NOT BETWEEN 1 AND 200 THEN 'source is missing or longer than 200'
                WHEN length(coalesce(action, '')) NOT BETWEEN 1 AND 200 THEN 'action is missing or longer than 200'
                WHEN length(resource) > 200 THEN 'resource is longer than 200'
                WHEN length(resource_id) > 200 THEN 'resource_id is longer than 200'
                WHEN created_text IS NOT NULL AND created_at IS NULL THEN 'created_at is no moment'
                WHEN jsonb_typeof(processed) NOT IN ('boolean', 'null') THEN 'processed is no boolean'
                WHEN jsonb_typeof(errors) NOT IN ('array', 'null') THEN 'processing_errors is no array'
                WHEN jsonb_typeof(retries) = 'number' AND retries::text !~ '^\d{1,6}$' THEN 'retry_count is no count'
                WHEN jsonb_typeof(retries) NOT IN ('number', 'null') THEN 'retry_count is no count'
            END AS reason
        FROM told AS t
    ), good AS MATERIALIZED (
        -- an id that comes twice in a batch: the first tells what happened, all tell its state
        SELECT
            j.id::uuid AS id,
            (array_agg(j.place ORDER BY j.place))[1] AS place,
            max(j.created_at) FILTER (WHERE j.created_at IS NOT NULL) AS created_at,
            coalesce(bool_or(j.processed = 'true'), false) AS processed,
            coalesce(max(CASE WHEN jsonb_typeof(j.retries) = 'number' THEN j.retries::text::integer END), 0) AS retries,
            (array_agg(j.errors ORDER BY j.place DESC) FILTER (WHERE jsonb_typeof(j.errors) = 'array'))[1] AS errors,
            count(*) AS told
        FROM judged AS j
        WHERE j.reason IS NULL
        GROUP BY j.id::uuid
    ), fresh AS (
        INSERT INTO omninode.hook_event_keys AS k (id, created_at)
        SELECT g.id, coalesce(g.created_at, now())
        FROM good AS g
        ORDER BY g.id  -- two batches with the same ids wait for each other, and never both
        ON CONFLICT (id) DO NOTHING
        RETURNING k.id, k.created_at
    ), added AS (
        INSERT INTO omninode.hook_events AS e
            (id, source, action, resource, resource_id, payload, processed, processing_errors, retry_count, created_at)
        SELECT
            g.id,
            j.source,
            j.action,
            j.resource,
            j.resource_id,
            CASE WHEN jsonb_typeof(j.payload) IN ('object', 'array') THEN j.payload ELSE '{}' END,
            g.processed,
            ARRAY(SELECT jsonb_array_elements_text(coalesce(g.errors, '[]'))),
            g.retries,
            f.created_at
        FROM fresh AS f
        JOIN good AS g ON g.id = f.id
        JOIN judged AS j ON j.place = g.place
        RETURNING 1
    ), changed AS (
        UPDATE omninode.hook_events AS e
        SET processed = e.processed OR g.processed,
            retry_count = greatest(e.retry_count, g.retries),
            processing_errors = CASE
                WHEN g.errors IS NULL THEN e.processing_errors
                ELSE ARRAY(SELECT jsonb_array_elements_text(g.errors))
            END,
            updated_at = clock_timestamp()
        FROM good AS g
        JOIN omninode.hook_event_keys AS k ON k.id = g.id
        WHERE e.id = k.id
          AND e.created_at = k.created_at
          AND (
              (g.processed AND NOT e.processed)
              OR g.retries > e.retry_count
              OR ARRAY(SELECT jsonb_array_elements_text(g.errors)) <> e.processing_errors AND g.errors IS NOT NULL
          )
        RETURNING 1
    ), refused AS (
        SELECT
            count(*) AS n,
            jsonb_agg(
                jsonb_build_object('position', j.place - 1, 'id', left(j.id, 200), 'reason', j.reason)
                ORDER BY j.place
            ) AS list
        FROM judged AS j
        WHERE j.reason IS NOT NULL
    ), counted AS (
        SELECT
            jsonb_array_length(events) AS all_of_them,
            (SELECT count(*) FROM added)::integer AS new,
            (SELECT count(*) FROM changed)::integer AS moved,
            r.n::integer AS out,
            r.list
        FROM refused AS r
    )
    SELECT c.all_of_them, c.new, c.moved, c.all_of_them - c.new - c.moved - c.out, c.out, coalesce(c.list, '[]')
    FROM counted AS c;
END
$$;
COMMENT ON FUNCTION omninode.batch_insert_hook_events IS
    'Takes a JSON array of events, each id once; says how many were new, changed, known already or rejected and why.';
