-- purpose: the months that the first revision had hours of
-- minimum version: 14
DO $$
DECLARE
    month date;
BEGIN
    FOR month IN
        SELECT DISTINCT date_trunc('month', hour AT TIME ZONE 'UTC')::date
        FROM staged_statements_hourly
    LOOP
        EXECUTE 'CREATE TABLE ledger.'
            || quote_ident('statements_hourly_' || to_char(month, 'YYYY_MM'))
            || ' PARTITION OF ledger.statements_hourly FOR VALUES FROM ('
            || quote_literal(month || ' 00:00:00+00') || ') TO ('
            || quote_literal((month + INTERVAL '1 month')::date || ' 00:00:00+00') || ')';
    END LOOP;
END
$$;
