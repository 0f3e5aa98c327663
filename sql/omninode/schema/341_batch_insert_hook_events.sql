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
DECLARE
    good jsonb;
    bad jsonb;
    fresh uuid[];
    moved integer;
BEGIN
    IF jsonb_typeof(events) IS DISTINCT FROM 'array' THEN
        RAISE EXCEPTION 'events is %, not an array', coalesce(jsonb_typeof(events), 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
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
    ), merged AS (
        -- an id that comes twice in a batch: the first tells what happened, all tell its state
        SELECT DISTINCT ON (j.id::uuid)
            j.id::uuid AS id,
            first_value(j.created_at) OVER (same ORDER BY j.created_at IS NULL, j.place) AS created_at,
            j.source,
            j.action,
            j.resource,
            j.resource_id,
            CASE WHEN jsonb_typeof(j.payload) IN ('object', 'array') THEN j.payload ELSE '{}' END AS payload,
            coalesce(bool_or(j.processed = 'true') OVER same, false) AS processed,
            coalesce(
                max(CASE WHEN jsonb_typeof(j.retries) = 'number' THEN j.retries::text::integer END) OVER same,
                0
            ) AS retries,
            nullif(
                first_value(j.errors) OVER (
                    same ORDER BY coalesce(jsonb_typeof(j.errors), 'null') = 'null', j.place DESC
                ),
                'null'
            ) AS errors
        FROM judged AS j
        WHERE j.reason IS NULL
        WINDOW same AS (PARTITION BY j.id::uuid)
        ORDER BY j.id::uuid, j.place
    )
    SELECT
        (SELECT coalesce(jsonb_agg(to_jsonb(m)), '[]') FROM merged AS m),
        (
            SELECT
                coalesce(
                    jsonb_agg(
                        jsonb_build_object('position', j.place - 1, 'id', left(j.id, 200), 'reason', j.reason)
                        ORDER BY j.place
                    ),
                    '[]'
                )
            FROM judged AS j
            WHERE j.reason IS NOT NULL
        )
    INTO good, bad;

    WITH event AS MATERIALIZED (
        SELECT *
        FROM jsonb_to_recordset(good) AS e (
            id uuid, created_at timestamptz, source text, action text, resource text, resource_id text,
            payload jsonb, processed boolean, retries integer, errors jsonb
        )
    ), known AS (
        INSERT INTO omninode.hook_event_keys AS k (id, created_at)
        SELECT e.id, coalesce(e.created_at, now())
        FROM event AS e
        ORDER BY e.id  -- two batches with the same ids wait for each other, and never both
        ON CONFLICT (id) DO NOTHING
        RETURNING k.id, k.created_at
    ), added AS (
        INSERT INTO omninode.hook_events AS h
            (id, source, action, resource, resource_id, payload, processed, processing_errors, retry_count, created_at)
        SELECT
            e.id,
            e.source,
            e.action,
            e.resource,
            e.resource_id,
            e.payload,
            e.processed,
            ARRAY(SELECT jsonb_array_elements_text(coalesce(e.errors, '[]'))),
            e.retries,
            k.created_at
        FROM known AS k
        JOIN event AS e ON e.id = k.id
        RETURNING h.id
    )
    SELECT coalesce(array_agg(a.id), '{}')
    INTO fresh
    FROM added AS a;

    -- A statement of its own: it sees the events of a delivery that the one above has waited for.
    WITH due AS (
        SELECT h.id, h.created_at, e.processed, e.retries, e.errors
        FROM jsonb_to_recordset(good) AS e (id uuid, processed boolean, retries integer, errors jsonb)
        JOIN omninode.hook_event_keys AS k ON k.id = e.id
        JOIN omninode.hook_events AS h ON h.id = k.id AND h.created_at = k.created_at
        WHERE e.id <> ALL (fresh)
          AND (
              (e.processed AND NOT h.processed)
              OR e.retries > h.retry_count
              OR (
                  e.errors IS NOT NULL
                  AND h.processing_errors <> ARRAY(SELECT jsonb_array_elements_text(e.errors))
              )
          )
        ORDER BY h.id
        FOR NO KEY UPDATE OF h
    ), changed AS (
        UPDATE omninode.hook_events AS h
        SET processed = h.processed OR due.processed,
            retry_count = greatest(h.retry_count, due.retries),
            processing_errors = CASE
                WHEN due.errors IS NULL THEN h.processing_errors
                ELSE ARRAY(SELECT jsonb_array_elements_text(due.errors))
            END,
            claimed_by = CASE WHEN NOT due.processed THEN h.claimed_by END,
            claimed_until = CASE WHEN NOT due.processed THEN h.claimed_until END,
            updated_at = clock_timestamp()
        FROM due
        WHERE h.id = due.id AND h.created_at = due.created_at
        RETURNING 1
    )
    SELECT count(*)::integer
    INTO moved
    FROM changed;

    received := jsonb_array_length(events);
    inserted := cardinality(fresh);
    updated := moved;
    rejected := jsonb_array_length(bad);
    unchanged := received - inserted - updated - rejected;
    rejects := bad;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION omninode.batch_insert_hook_events IS
    'Takes a JSON array of events, each id once; says how many were new, changed, known already or rejected and why.';
