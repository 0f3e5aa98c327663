-- purpose: function guardian.create_monthly_partition: the partition of a month, made if absent (G-11, G-14)
-- minimum version: 14
CREATE OR REPLACE FUNCTION guardian.create_monthly_partition(parent regclass, month date)
RETURNS regclass
LANGUAGE plpgsql
-- bounds are compared as text, months are UTC's: neither may depend on the session
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
    first_day constant date := date_trunc('month', month)::date;
    next_month constant date := (date_trunc('month', month) + interval '1 month')::date;
    space name;
    child name;
    found oid;
    bounds text;
BEGIN
    SELECT n.nspname, left(c.relname, 54) || '_' || to_char(first_day, 'YYYY_MM')
    INTO space, child
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = parent;
    IF to_regclass(format('%I.%I', space, child)) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE %I.%I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
            space, child, parent, first_day, next_month
        );
        EXECUTE format(
            'COMMENT ON TABLE %I.%I IS %L',
            space, child, format('Rows of %s of %s.', parent, to_char(first_day, 'YYYY-MM'))
        );
    END IF;
    -- a table of that name is no proof: it may be no partition, or one of other bounds
    SELECT c.oid, pg_get_expr(c.relpartbound, c.oid)
    INTO found, bounds
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid AND i.inhparent = parent
    WHERE c.oid = to_regclass(format('%I.%I', space, child));
    IF bounds IS NULL OR bounds !~ format(
        '^FOR VALUES FROM \(''%s( 00:00:00\+00)?''\) TO \(''%s( 00:00:00\+00)?''\)$',
        first_day, next_month
    ) THEN
        RAISE EXCEPTION '%.% is not the partition of % for %: %',
            space, child, parent, to_char(first_day, 'YYYY-MM'),
            coalesce(bounds, 'it is no partition of that table')
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION guardian.create_monthly_partition IS
    'The partition of the month (UTC) that holds a day, made if absent.';
