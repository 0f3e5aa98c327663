-- purpose: version, identity and starts of a server, as a pg_profile repository saw them change
-- minimum version: 14
-- extension: pg_profile 4.0 to 4.11
-- grant: none: pg_profile lets everybody read its samples
SELECT /* perf-pipeline */ s.first_seen AS ts, s.name, coalesce(s.reset_val, s.setting) AS value
FROM {schema}.sample_settings AS s
WHERE s.server_id = %(server_id)s
    AND s.name IN ('server_version_num', 'version', 'system_identifier', 'pg_postmaster_start_time')
ORDER BY s.first_seen, s.name
