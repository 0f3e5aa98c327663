-- purpose: tags of statements from the comments of their clients (sqlcommenter), each set that was seen
-- minimum version: 14
CREATE TABLE ledger.statement_tags (
    target_id integer NOT NULL REFERENCES ledger.targets,
    dbid bigint NOT NULL,
    userid bigint NOT NULL,
    queryid bigint NOT NULL,
    tags jsonb NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    PRIMARY KEY (target_id, dbid, userid, queryid, tags)
);
