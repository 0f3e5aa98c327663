-- purpose: note what the report of a week or month rests on
-- minimum version: 14
UPDATE perf_mgmt.reports
SET inputs = %(inputs)s
WHERE target_id = %(target_id)s AND day = %(day)s AND kind = %(kind)s AND inputs IS DISTINCT FROM %(inputs)s
