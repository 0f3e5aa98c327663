-- purpose: be the only one who refreshes a view, until the transaction ends
-- minimum version: 14
SELECT /* perf-pipeline */ pg_catalog.pg_try_advisory_xact_lock(1986618743, pg_catalog.hashtext(%(view)s)) AS alone
