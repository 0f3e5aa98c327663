-- purpose: function omninode.timestamp_or_null: a moment, or null where the text is none (O-20)
-- minimum version: 14
CREATE OR REPLACE FUNCTION omninode.timestamp_or_null(said text)
RETURNS timestamptz
LANGUAGE plpgsql
STABLE STRICT
SET timezone = 'UTC'
AS $$
BEGIN
    -- a date first: 'infinity' and 'now' are no moments an event can have had
    IF said !~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d' THEN
        RETURN NULL;
    END IF;
    RETURN said::timestamptz;
EXCEPTION
    WHEN data_exception THEN RETURN NULL;
END
$$;
COMMENT ON FUNCTION omninode.timestamp_or_null IS 'A moment as ISO 8601 text, UTC unless it names a zone; null if it is none.';
