-- purpose: what kind of work a text or a tag speaks of: whole words and parts of names between underscores; NULL: of none
-- minimum version: 14
CREATE FUNCTION perf_mgmt.query_category(told text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN told ~* '(^|[^a-z])dashboards?([^a-z]|$)' THEN 'dashboard'
        WHEN told ~* '(^|[^a-z])(compliance|audits?|gdpr|hipaa|retention|consents?)([^a-z]|$)'
            THEN 'compliance'
        WHEN told ~* '(^|[^a-z])(reports?|reporting|analytics?|summary|summaries|statistics|trends?)([^a-z]|$)'
            THEN 'reporting'
    END
$$;
