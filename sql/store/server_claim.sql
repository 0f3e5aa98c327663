-- purpose: hold a server's instance-wide families, where nobody does or the holder has gone quiet; no row: another holds them
-- minimum version: 14
WITH before_restart AS (
    SELECT e.holder_id, e.swept_at FROM ledger.servers AS e
    WHERE e.system_identifier = %(system_identifier)s AND e.address = %(address)s
        AND e.port = %(port)s AND e.postmaster_start <> %(postmaster_start)s
        AND e.swept_at > pg_catalog.clock_timestamp() - %(quiet)s::interval
    ORDER BY e.swept_at DESC
    LIMIT 1
),
claim AS (
    SELECT
        COALESCE(b.holder_id, %(target_id)s::integer) AS holder_id,
        -- one that is given it unseen must soon be heard of
        CASE WHEN b.holder_id <> %(target_id)s::integer THEN b.swept_at ELSE pg_catalog.clock_timestamp() END
            AS swept_at
    FROM (SELECT) AS always
    LEFT JOIN before_restart AS b ON true
)
INSERT INTO ledger.servers AS s (
    system_identifier, address, port, postmaster_start, holder_id, swept_at
)
SELECT
    %(system_identifier)s, %(address)s, %(port)s, %(postmaster_start)s, c.holder_id, c.swept_at
FROM claim AS c
ON CONFLICT (system_identifier, address, port, postmaster_start)
DO UPDATE SET holder_id = %(target_id)s, swept_at = pg_catalog.clock_timestamp()
WHERE s.holder_id = %(target_id)s OR s.swept_at <= pg_catalog.clock_timestamp() - %(quiet)s::interval
RETURNING s.holder_id
