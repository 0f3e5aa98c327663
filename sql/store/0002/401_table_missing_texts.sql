-- purpose: statements whose text was asked for in vain, when last and how often
-- minimum version: 14
CREATE TABLE ledger.missing_texts (
    target_id integer NOT NULL REFERENCES ledger.targets,
    dbid bigint NOT NULL,
    userid bigint NOT NULL,
    queryid bigint NOT NULL,
    attempts integer NOT NULL,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (target_id, dbid, userid, queryid)
);
