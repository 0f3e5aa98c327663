-- purpose: whether an execution broke an absolute limit of its test, as its metadata tells
-- minimum version: 14
CREATE FUNCTION perf_mgmt.limits_broken(metadata jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(metadata -> 'broken_limits' <> '[]'::jsonb AND metadata -> 'broken_limits' <> 'null'::jsonb, false)
$$;
