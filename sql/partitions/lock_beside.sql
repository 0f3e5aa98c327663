-- purpose: the lock of a maintainer's second session, which keeps the next maintainer waiting until it has ended
-- minimum version: 14
SELECT /* perf-pipeline */ pg_catalog.pg_try_advisory_lock_shared(1886413428, 1953066608)
