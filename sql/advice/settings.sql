-- purpose: settings that advice speaks of, in their own units, and those that wait for a restart
-- minimum version: 14
-- grant: pg_read_all_settings (part of pg_monitor); without it some settings are hidden
-- cadence: each piece of advice
-- scope: instance
SELECT /* perf-pipeline */ s.name::pg_catalog.text AS name, s.reset_val::pg_catalog.text AS value, s.unit::pg_catalog.text AS unit,
    s.vartype::pg_catalog.text AS kind, s.context::pg_catalog.text AS context, s.pending_restart
FROM pg_catalog.pg_settings AS s
WHERE s.source <> 'client'
ORDER BY s.name
