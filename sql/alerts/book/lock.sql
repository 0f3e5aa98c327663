-- purpose: whether we are the one that evaluates a target until the transaction ends
-- minimum version: 14
SELECT pg_try_advisory_xact_lock(1886745190, hashtext(%(target)s)) AS taken
