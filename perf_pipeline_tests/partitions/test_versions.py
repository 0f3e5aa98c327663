"""A table's life on each major version: made, drained, archived, dropped, restored, converted."""

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.partitions import create
from perf_pipeline.partitions.convert import convert
from perf_pipeline.partitions.model import Policy
from perf_pipeline.partitions.restore import restore
from perf_pipeline_tests.partitions.conftest import BUDGET, PARENT, Shop, months_ago
from perf_pipeline_tests.partitions.test_restore import HASH

pytestmark = pytest.mark.server
OLD, LAST, THIS, NEXT = (months_ago(n) for n in (5, 1, 0, -1))

# what no LIKE copies, or what goes on knowing the old table by its oid
KEPT = """
    ALTER TABLE app.plain ALTER note SET STATISTICS 300, ALTER note SET (n_distinct = 5),
        SET (toast.autovacuum_enabled = false);
    CREATE STATISTICS app.pairs (mcv) ON customer, note FROM app.plain;
    ALTER STATISTICS app.pairs SET STATISTICS 77;
    CREATE INDEX "by USING note" ON app.plain (lower(note));
    COMMENT ON INDEX app."by USING note" IS 'looked for';
    GRANT USAGE ON SEQUENCE app.plain_id_seq TO pg_monitor;
    CREATE FUNCTION app.counted() RETURNS bigint LANGUAGE sql
        BEGIN ATOMIC SELECT count(*) FROM app.plain; END;
    CREATE POLICY known ON app.customers
        USING (EXISTS (SELECT FROM app.plain AS p WHERE p.customer = customers.id));
    CREATE FUNCTION app.noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER always BEFORE INSERT ON app.plain FOR EACH ROW EXECUTE FUNCTION app.noted();
    CREATE TRIGGER never BEFORE INSERT ON app.plain FOR EACH ROW EXECUTE FUNCTION app.noted();
    ALTER TABLE app.plain ENABLE ALWAYS TRIGGER always, DISABLE TRIGGER never,
        ENABLE ROW LEVEL SECURITY, REPLICA IDENTITY USING INDEX plain_pkey;
"""
# on the default partition: those of its parent, and one of its own
HEARD = """
    CREATE TABLE app.heard (what text);
    CREATE FUNCTION app.hear() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN INSERT INTO app.heard VALUES (TG_NAME || TG_OP); RETURN NULL; END';
    CREATE TRIGGER always AFTER DELETE ON app.events FOR EACH ROW EXECUTE FUNCTION app.hear();
    CREATE TRIGGER never AFTER DELETE ON app.events FOR EACH ROW EXECUTE FUNCTION app.hear();
    CREATE TRIGGER own AFTER DELETE ON app.events_default FOR EACH ROW EXECUTE FUNCTION app.hear();
    ALTER TABLE app.events_default DISABLE TRIGGER own;
    ALTER TABLE app.events ENABLE ALWAYS TRIGGER always, DISABLE TRIGGER never;
"""
FIRING = (
    "SELECT array_agg(tgname || ' ' || tgenabled::text ORDER BY tgname) FROM pg_trigger"
    " WHERE tgrelid = 'app.events_default'::regclass AND tgname IN ('always', 'never', 'own')"
)
EACH_PARTITION = (
    "SELECT array_agg(DISTINCT (a.attstattarget, a.attoptions, c.relrowsecurity, c.relreplident,"
    " t.reloptions, (SELECT count(*) FROM pg_statistic_ext WHERE stxrelid = c.oid),"
    " (SELECT string_agg(tgname || tgenabled::text, ' ' ORDER BY tgname) FROM pg_trigger"
    " WHERE tgrelid = c.oid AND tgname IN ('always', 'never')))::text)"
    " FROM pg_class AS c JOIN pg_inherits ON inhrelid = c.oid"
    " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'note'"
    " JOIN pg_class AS t ON t.oid = c.reltoastrelid WHERE inhparent = 'app.plain'::regclass"
)


@pytest.fixture(scope="module")
def server(each_server: EmbeddedServer) -> EmbeddedServer:
    return each_server


def test_life_of_a_table(shop: Shop) -> None:
    policy = shop.old(fill_gaps=False)
    shop.connection.execute(
        "CREATE TABLE app.events_default PARTITION OF app.events DEFAULT;"
        "CREATE TABLE app.plain (LIKE app.events INCLUDING ALL)"
    )
    shop.connection.execute(KEPT)
    shop.connection.execute(HEARD)
    shop.fill(OLD[0], 20)
    shop.fill(LAST[0], 20)
    shop.fill(OLD[0], 20, "app.plain")
    before = shop.one(HASH.replace("FROM app.events", "FROM (SELECT * FROM app.events) "))
    done = shop.did(policy)
    assert [step for step in done if step[0] in {"drain", "create"}] == [
        ("drain", OLD[2], "done"),
        ("drain", LAST[2], "done"),
        ("create", THIS[2], "done"),
        ("create", NEXT[2], "done"),
    ]
    assert [step for step in done if step[0] not in {"drain", "create"}] == [
        ("archive", OLD[2], "done"),
        ("detach", OLD[2], "done"),
        ("drop", OLD[2], "done"),
    ]
    assert (shop.did(policy), shop.did(policy)) == ([], [])
    # a drained default partition's triggers fire as before, and did not
    assert shop.one(FIRING) == ["always A", "never D", "own D"]
    assert shop.one("SELECT count(*) FROM app.heard") == 0
    back = restore(
        shop.store,
        shop.files,
        shop.name,
        shop.url,
        {PARENT: policy},
        f"events_{OLD[2]}",
        budget=BUDGET,
    )
    assert (back.rows, back.attached) == (20, True)
    assert shop.one(HASH) == before
    # without a default partition it is detached while others read
    other = Policy("app.plain", "at", every="month", premake=1)
    shop.connection.execute(
        "CREATE TABLE app.child (plain bigint, at timestamptz,"
        " FOREIGN KEY (plain, at) REFERENCES app.plain ON DELETE CASCADE);"
        "INSERT INTO app.child SELECT id, at FROM app.plain;"
        "CREATE TABLE app.parts (LIKE app.child, CONSTRAINT parts_key FOREIGN KEY (plain, at)"
        " REFERENCES app.plain) PARTITION BY LIST (plain);"
        "CREATE TABLE app.parts_all PARTITION OF app.parts DEFAULT;"
    )
    if shop.connection.info.server_version < 180_000:
        with pytest.raises(ConfigurationError, match=r"parts_key of app.parts \(drop it, and add"):
            convert(shop.store, shop.name, shop.url, other, BUDGET)
        shop.connection.execute("ALTER TABLE app.parts DROP CONSTRAINT parts_key")
    assert convert(shop.store, shop.name, shop.url, other, BUDGET).rows == 20
    each = ['(300,{n_distinct=5},t,i,{autovacuum_enabled=false},1,"alwaysA neverD")']
    assert shop.one(EACH_PARTITION) == each
    shop.did(Policy("app.plain", "at", every="month", premake=2))
    assert shop.one(EACH_PARTITION) == each  # of those that are made later, too
    assert shop.one("SELECT stxstattarget FROM pg_statistic_ext WHERE stxname = 'pairs'") == 77
    assert shop.one("SELECT obj_description('app.\"by USING note\"'::regclass)") == "looked for"
    assert shop.one("SELECT has_sequence_privilege('pg_monitor', 'app.plain_id_seq', 'USAGE')")
    reads = "SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polname = 'known'"
    assert "app.plain p" in shop.one(reads)
    assert shop.one("SELECT count(*) > 0 FROM pg_statistic WHERE starelid = 'app.plain'::regclass")
    shop.connection.execute("INSERT INTO app.plain (at) VALUES (now())")
    assert shop.one("SELECT app.counted()") == 21
    shop.connection.execute("DELETE FROM app.plain WHERE amount IS NULL")
    shop.connection.execute("DROP TABLE app.plain_perf_old")
    keys = (
        "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"
        " AND conparentid = 0 AND confrelid = 'app.plain'::regclass"
    )
    assert shop.one(keys) == 1 + (shop.connection.info.server_version >= 180_000)
    shop.connection.execute("DELETE FROM app.plain USING app.child WHERE id = plain AND id % 2 = 0")
    assert shop.one("SELECT count(*) = 10 FROM app.child")
    shop.connection.execute("DROP TABLE app.child, app.parts")
    shop.connection.execute("ALTER TABLE app.plain DETACH PARTITION app.plain_default")
    archived = Policy(
        "app.plain", "at", every="month", premake=1, retention=policy.retention, then=policy.then,
        fill_gaps=False,
    )  # fmt: skip
    with psycopg.connect(shop.url) as reader:
        reader.execute("SELECT count(*) FROM app.events")
        report = shop.run(archived)
    done = [(d.kind, d.outcome, d.detail.get("how")) for d in report.done if "drop" not in d.kind]
    assert done[-1] == ("detach", "done", "concurrently")
    assert shop.nothing_left(archived, policy)


def test_a_large_default_partition_is_emptied(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(create, "LARGE_BYTES", 0)
    shop.connection.execute("CREATE TABLE app.events_default PARTITION OF app.events DEFAULT")
    shop.fill(OLD[0], 20)
    shop.fill(LAST[0], 10)
    policy = shop.policy(fill_gaps=False)
    before = shop.one(HASH)
    assert {outcome for _, _, outcome in shop.did(policy)} == {"done"}
    assert shop.one(HASH) == before
    assert shop.one("SELECT count(*) FROM app.events_default") == 0
    assert shop.nothing_left(policy)
