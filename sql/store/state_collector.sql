-- purpose: the name of a target, and who made one sweep of it
-- minimum version: 14
-- hot only: a sweep whose day was archived is too long ago to say who sweeps now
SELECT t.name, s.collector
FROM ledger.targets AS t
LEFT JOIN ledger.sweeps AS s ON s.target_id = t.target_id AND s.ts = %(ts)s
WHERE t.target_id = %(target_id)s
