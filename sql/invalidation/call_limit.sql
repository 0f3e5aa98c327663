-- purpose: limits of one call of a processing function, until its transaction ends
-- minimum version: 14
SELECT /* perf-pipeline */ set_config('statement_timeout', %(statement_timeout)s::text, true)
