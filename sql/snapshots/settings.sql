-- purpose: the server's settings as a new session of this role gets them; secrets only as a fingerprint
-- minimum version: 14
-- grant: pg_read_all_settings (part of pg_monitor); without it some settings are hidden
-- cadence: every sweep
SELECT /* perf-pipeline */
    s.name,
    CASE
        WHEN s.reset_val <> '' AND (
            s.name IN (
                'primary_conninfo', 'ssl_passphrase_command', 'archive_command', 'restore_command',
                'archive_cleanup_command', 'recovery_end_command'
            )
            -- settings of extensions and applications: nobody can list those that hold a secret
            OR pg_catalog.strpos(s.name, '.') > 0 AND s.vartype = 'string'
            OR s.reset_val ~* '(passw[a-z]*\s*=|://[^/@]*:[^/@]+@)'
        )
        -- sixteen bits: enough to see that it changed, too few to confirm a guess
        THEN 'hidden, fingerprint ' || pg_catalog."left"(pg_catalog.md5(s.reset_val), 4)
        ELSE s.reset_val
    END AS value,
    s.unit, s.pending_restart
FROM pg_catalog.pg_settings AS s
WHERE s.source <> 'client' AND s.name NOT LIKE 'transaction\_%'
ORDER BY s.name
