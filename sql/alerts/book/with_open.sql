-- purpose: of some targets those that have an incident that is not over
-- minimum version: 14
SELECT DISTINCT target FROM monitoring.incidents WHERE target = ANY (%(names)s::text[]) AND status <> 'resolved'
