-- purpose: keep how much of each thing was taken on some days; what is kept of a day never becomes less
-- minimum version: 14
INSERT INTO perf_mgmt.capacity_daily (target_id, day, resource, object, used, capacity, unit)
SELECT %(target_id)s, r.day, r.resource, r.object, r.used, r.capacity, r.unit
FROM jsonb_to_recordset(%(entries)s::jsonb)
    AS r (day date, resource text, object text, used float8, capacity float8, unit text)
ON CONFLICT (target_id, resource, object, day) DO UPDATE
    SET used = CASE
            -- days that are left, not a level
            WHEN excluded.resource = 'partitions' THEN excluded.used ELSE greatest(capacity_daily.used, excluded.used)
        END,
        capacity = excluded.capacity, unit = excluded.unit
