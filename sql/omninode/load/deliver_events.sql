-- purpose: five events arrive as a batch; the last is often one that came before
-- minimum version: 14
-- weight: 24
\set resource random(1, :resources)
\set kind random(0, 4)
\set replay random(1, 2000)
SELECT inserted, updated, unchanged, rejected
FROM omninode.batch_insert_hook_events((
    SELECT jsonb_agg(
        jsonb_build_object(
            'id', CASE WHEN n = 5 THEN md5('replay ' || :replay::integer)::uuid ELSE gen_random_uuid() END,
            'source', 'github',
            'action', 'updated',
            'resource', (ARRAY['repository', 'ticket', 'channel', 'invoice', 'build'])[:kind::integer + 1],
            'resource_id', 'r' || :resource::integer,
            'payload', jsonb_build_object('type', 'github.updated', 'user', 'u' || n)
        )
    )
    FROM generate_series(1, 5) AS n
));
