-- purpose: wait for a lock no longer than the readers who queue behind us may notice
-- minimum version: 14
SELECT pg_catalog.set_config('lock_timeout', %(lock_timeout)s, true)
