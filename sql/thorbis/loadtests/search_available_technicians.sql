-- purpose: who of the tenant works today, and how many jobs each has already (B-30)
-- minimum version: 14
-- kind: read
-- parameters: random_tenant, current_date
SELECT t.id, t.full_name, s.shift_start, s.shift_end, count(b.id) AS jobs
FROM hs.technicians AS t
JOIN hs.technician_schedules AS s
    ON s.business_id = t.business_id AND s.technician_id = t.id AND s.schedule_date = CURRENT_DATE
LEFT JOIN hs.schedule_blocks AS b
    ON b.business_id = t.business_id AND b.technician_id = t.id AND b.block_date = CURRENT_DATE
WHERE t.business_id = :random_tenant AND t.is_active AND s.is_available
GROUP BY t.id, t.full_name, s.shift_start, s.shift_end
ORDER BY jobs, t.id;
