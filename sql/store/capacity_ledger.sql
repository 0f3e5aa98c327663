-- purpose: what was taken of a server's limited things, of its disk and of a database's size, the most of each day
-- minimum version: 14
-- hot only: what older days had is in perf_mgmt.capacity_daily since they were new, or was not swept
WITH server AS (
    -- what a whole server has is kept by one of its targets
    SELECT DISTINCT s.server_target_id AS id
    FROM ledger.sweeps AS s
    WHERE s.target_id = %(target_id)s AND s.ts >= %(first)s::date AND s.ts < %(last)s::date + 1
),
instance AS (
    SELECT (r.ts AT TIME ZONE 'UTC')::date AS day, r.resource, '' AS object,
        max(r.used)::float8 AS used,
        (array_agg(r.capacity ORDER BY r.ts DESC))[1]::float8 AS capacity,
        CASE WHEN r.resource LIKE '%%shared buffers' THEN 'buffers' ELSE r.resource END AS unit
    FROM ledger.resources AS r JOIN server ON r.target_id = server.id
    WHERE r.ts >= (%(first)s::date)::timestamp AT TIME ZONE 'UTC'
        AND r.ts < (%(last)s::date + 1)::timestamp AT TIME ZONE 'UTC'
        AND r.used IS NOT NULL
    GROUP BY 1, 2
),
disk AS (
    SELECT (h.ts AT TIME ZONE 'UTC')::date AS day, 'disk' AS resource, coalesce(h.disk_device, '') AS object,
        max(h.disk_total_bytes - h.disk_free_bytes)::float8 AS used,
        (array_agg(h.disk_total_bytes ORDER BY h.ts DESC))[1]::float8 AS capacity, 'bytes' AS unit
    FROM ledger.host AS h JOIN server ON h.target_id = server.id
    WHERE h.ts >= (%(first)s::date)::timestamp AT TIME ZONE 'UTC'
        AND h.ts < (%(last)s::date + 1)::timestamp AT TIME ZONE 'UTC'
        AND h.disk_total_bytes > 0 AND h.disk_free_bytes IS NOT NULL
    GROUP BY 1, 3
),
size AS (
    SELECT (d.hour AT TIME ZONE 'UTC')::date AS day, 'database' AS resource, '' AS object,
        (array_agg(d.database_bytes ORDER BY d.hour DESC))[1]::float8 AS used,
        NULL::float8 AS capacity, 'bytes' AS unit
    FROM ledger.database_hourly AS d
    WHERE d.target_id = %(target_id)s
        AND d.hour >= (%(first)s::date)::timestamp AT TIME ZONE 'UTC'
        AND d.hour < (%(last)s::date + 1)::timestamp AT TIME ZONE 'UTC'
        -- made-up history says nothing of this disk
        AND d.database_bytes > 0 AND d.source <> 'generated'
    GROUP BY 1
)
SELECT day, resource, object, used, capacity, unit FROM instance
UNION ALL
SELECT day, resource, object, used, capacity, unit FROM disk
UNION ALL
SELECT day, resource, object, used, capacity, unit FROM size
ORDER BY day, resource, object
