-- purpose: function system_core.create_monthly_partition: the partition of a month, made unless it is there (T-25)
-- minimum version: 14
-- Names are <table>_YYYY_MM, bounds are UTC months. Indexes and keys come from the parent. The new
-- table is made first and attached then: that lets readers and writers of the parent go on.
CREATE OR REPLACE FUNCTION system_core.create_monthly_partition(parent regclass, month date)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = 'ISO'
AS $$
DECLARE
    first_day date := month - (extract(day FROM month)::integer - 1);
    lower_bound timestamptz := first_day;
    upper_bound timestamptz := (first_day + interval '1 month')::date;
    wanted text := format('FOR VALUES FROM (%L) TO (%L)', lower_bound, upper_bound);
    parent_schema text;
    parent_schema_id oid;
    part text;
    part_of oid;
    bounds text;
BEGIN
    SELECT n.nspname, n.oid, c.relname || to_char(first_day, '_YYYY_MM')
    INTO parent_schema, parent_schema_id, part
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_partitioned_table AS p ON p.partrelid = c.oid
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
    WHERE c.oid = parent AND p.partstrat = 'r' AND p.partnatts = 1 AND a.atttypid = 'timestamptz'::regtype;
    IF parent_schema IS NULL THEN
        RAISE EXCEPTION '% is not partitioned by a range of one timestamptz column', parent
            USING ERRCODE = 'wrong_object_type';
    END IF;
    -- of two that want the same month the second waits and finds it
    PERFORM pg_advisory_xact_lock(hashtext('system_core.create_monthly_partition'), hashtext(parent_schema || part));
    SELECT h.inhparent, pg_get_expr(c.relpartbound, c.oid)
    INTO part_of, bounds
    FROM pg_class AS c
    LEFT JOIN pg_inherits AS h ON h.inhrelid = c.oid
    WHERE c.relnamespace = parent_schema_id AND c.relname = part;
    IF FOUND THEN
        IF part_of IS DISTINCT FROM parent::oid OR bounds <> wanted THEN
            RAISE EXCEPTION '%.% is there, but not as the partition of % for %',
                parent_schema, part, parent, to_char(first_day, 'YYYY-MM')
                USING ERRCODE = 'duplicate_table', HINT = 'rename or drop it';
        END IF;
        RETURN part;
    END IF;
    EXECUTE format(
        'CREATE TABLE %1$I.%2$I (LIKE %3$s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED '
        'INCLUDING STORAGE INCLUDING COMPRESSION)',
        parent_schema, part, parent
    );
    EXECUTE format('ALTER TABLE %3$s ATTACH PARTITION %1$I.%2$I %4$s', parent_schema, part, parent, wanted);
    RETURN part;
END
$$;
COMMENT ON FUNCTION system_core.create_monthly_partition(regclass, date)
    IS 'Make the partition <table>_YYYY_MM of a UTC month unless it is there; returns its name.';
