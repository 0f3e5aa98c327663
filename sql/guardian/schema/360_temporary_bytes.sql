-- purpose: function guardian.temporary_bytes: what temporary files hold now, NULL where the role may not look (for G-76)
-- minimum version: 14
CREATE OR REPLACE FUNCTION guardian.temporary_bytes()
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT coalesce(sum(size), 0) FROM pg_ls_tmpdir());
EXCEPTION
    WHEN insufficient_privilege THEN RETURN NULL;  -- it takes pg_monitor
END
$$;
COMMENT ON FUNCTION guardian.temporary_bytes() IS 'Bytes of temporary files now; NULL where the role may not look.';
