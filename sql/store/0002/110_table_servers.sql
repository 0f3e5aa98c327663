-- purpose: the running servers that targets are databases of, and the target whose rows hold each one's instance-wide families
-- minimum version: 14
CREATE TABLE ledger.servers (
    server_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    system_identifier bigint NOT NULL,
    address text NOT NULL,
    port integer NOT NULL,
    postmaster_start timestamptz NOT NULL,
    holder_id integer NOT NULL REFERENCES ledger.targets ON DELETE CASCADE,
    swept_at timestamptz NOT NULL,
    -- a replica has the identifier of its primary, and in containers often its address and port
    UNIQUE (system_identifier, address, port, postmaster_start)
);
