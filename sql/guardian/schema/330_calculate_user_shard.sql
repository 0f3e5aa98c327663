-- purpose: function guardian.calculate_user_shard: the shard of a user, 1 to 10 (G-73)
-- minimum version: 14
CREATE OR REPLACE FUNCTION guardian.calculate_user_shard(user_id uuid)
RETURNS integer
LANGUAGE sql
IMMUTABLE STRICT PARALLEL SAFE
AS $$
    -- a digest every language has; its first 32 bits as a bigint are never negative
    SELECT (('x' || left(md5(user_id::text), 8))::bit(32)::bigint % 10)::integer + 1
$$;
COMMENT ON FUNCTION guardian.calculate_user_shard IS
    'The shard of a user: the first 32 bits of the MD5 of its id, modulo 10, plus 1.';
