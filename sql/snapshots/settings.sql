-- purpose: the server's settings as a new session of this role gets them; secrets only as a fingerprint
-- minimum version: 14
-- grant: pg_read_all_settings (part of pg_monitor); without it some settings are hidden
-- cadence: every sweep
SELECT /* perf-pipeline */
    s.name,
    CASE
        WHEN s.name IN (
            'primary_conninfo', 'ssl_passphrase_command', 'archive_command', 'restore_command',
            'archive_cleanup_command', 'recovery_end_command'
        ) AND s.reset_val <> ''
        THEN 'hidden, fingerprint ' || pg_catalog."left"(pg_catalog.md5(s.reset_val), 8)
        ELSE s.reset_val
    END AS value,
    s.unit, s.pending_restart
FROM pg_catalog.pg_settings AS s
WHERE s.source <> 'client' AND s.name NOT LIKE 'transaction\_%'
ORDER BY s.name
