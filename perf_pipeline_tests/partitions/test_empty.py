"""A default partition too large for one attempt is emptied beside its writers."""

import threading

import psycopg
import pytest

from perf_pipeline.partitions import create, empty
from perf_pipeline.partitions.following import Following
from perf_pipeline_tests.partitions.conftest import Shop, months_ago
from perf_pipeline_tests.partitions.test_restore import HASH

pytestmark = pytest.mark.server
OLD, THIS, NEXT = (months_ago(n) for n in (2, 0, -1))


@pytest.fixture
def large(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a target whose default partition counts as large."""
    monkeypatch.setattr(create, "LARGE_BYTES", 8192)
    shop.connection.execute(
        "CREATE TABLE app.events_default PARTITION OF app.events DEFAULT;"
        f"CREATE TABLE app.events_middle PARTITION OF app.events FOR VALUES"
        f" FROM ('{months_ago(1)[0]} 00:00+00') TO ('{months_ago(1)[0]} 12:00+00');"
        "ALTER TABLE app.events ENABLE ROW LEVEL SECURITY;"
        "CREATE FUNCTION app.noted() RETURNS trigger LANGUAGE plpgsql"
        " AS $$BEGIN NEW.note := NEW.note || '!'; RETURN NEW; END$$;"
        "CREATE TRIGGER noted BEFORE INSERT ON app.events FOR EACH ROW EXECUTE FUNCTION app.noted()"
    )
    shop.fill(OLD[0], 1_000)
    shop.fill(THIS[0], 500)
    shop.connection.execute("INSERT INTO app.events (at) VALUES ('9999-01-01+00')")
    return shop


def left(shop: Shop) -> int:
    found: int = shop.one(
        "SELECT count(*) FROM pg_class WHERE relname LIKE '%perf%' AND relkind IN ('r', 'p')"
    )
    found += shop.one("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'perf%'")
    found += shop.one("SELECT count(*) FROM pg_constraint WHERE conname LIKE 'perf_pipeline%'")
    return found


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the server says while it swaps."""
    found: list[str] = []
    real = empty.Emptying._swap

    def swap(self: empty.Emptying, inside: psycopg.Connection) -> None:
        inside.add_notice_handler(lambda notice: found.append(notice.message_primary or ""))
        inside.execute("SET LOCAL client_min_messages = debug1")
        real(self, inside)

    monkeypatch.setattr(empty.Emptying, "_swap", swap)
    return found


def test_it_is_emptied_while_rows_come_and_change(large: Shop, said: list[str]) -> None:
    stop = threading.Event()
    written = {"rows": 0}

    def write() -> None:
        with psycopg.connect(large.url, autocommit=True) as writer:
            while not stop.is_set():
                writer.execute("INSERT INTO app.events (at, note) VALUES (now(), 'new')")
                written["rows"] += 1
                writer.execute("UPDATE app.events SET amount = 1 WHERE id = %s", [written["rows"]])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        report = large.run(large.policy(fill_gaps=False))
    finally:
        stop.set()
        thread.join()
    assert [(d.kind, d.partition, d.outcome) for d in report.done] == [
        ("drain", f"app.events_{OLD[2]}", "done"),
        ("drain", f"app.events_{THIS[2]}", "done"),
        ("create", f"app.events_{NEXT[2]}", "done"),
    ]
    assert report.done[0].rows == 1_000
    assert large.attached() == sorted(["default", "middle", OLD[2], THIS[2], NEXT[2]])
    assert large.one("SELECT count(*) FROM app.events") == 1_501 + written["rows"]
    assert large.one("SELECT count(*) FROM app.events_default") == 1
    assert large.one(f"SELECT count(*) FROM app.events_{OLD[2]}") == 1_000
    assert large.one("SELECT count(*) FROM app.events WHERE note LIKE '%!!'") == 0
    assert left(large) == 0
    # no row was read under the lock: neither for bounds nor for foreign keys
    implied = [line for line in said if "is implied by existing constraints" in line]
    assert len(implied) == 3, said
    assert not [line for line in said if "verifying table" in line or "validating" in line]
    # as any other partition: trigger, key and index of the parent, direct access shut
    for name in (OLD[2], "default"):
        table = f"'app.events_{name}'::regclass"
        assert large.one(f"SELECT relrowsecurity FROM pg_class WHERE oid = {table}")
        assert (
            large.one(
                f"SELECT count(*) FROM pg_trigger WHERE tgrelid = {table} AND tgparentid <> 0"
            )
            >= 1
        )
        assert (
            large.one(
                "SELECT count(*) FROM pg_index JOIN pg_inherits ON inhrelid = indexrelid"
                f" WHERE indrelid = {table}"
            )
            == 2
        )
        assert (
            large.one(
                f"SELECT count(*) FROM pg_constraint WHERE conrelid = {table} AND contype = 'f'"
            )
            == 1
        )


def test_killed_in_between_it_goes_on(large: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = large.policy(fill_gaps=False)
    stages = ((Following, "copy"), (Following, "compare"), (empty.Emptying, "swap"))
    for owner, stage in stages:

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(owner, stage, killed)
            with pytest.raises(KeyboardInterrupt):
                large.run(policy)
        large.connection.execute(
            "DELETE FROM app.events WHERE id = (SELECT min(id) FROM app.events)"
        )
        large.fill(THIS[0], 2)
    # another period meanwhile: the copy is made anew
    large.fill(months_ago(3)[0], 10)
    before = large.one(HASH)
    assert {outcome for _, _, outcome in large.did(policy)} == {"done"}
    assert large.one(HASH) == before
    assert large.one(f"SELECT count(*) FROM app.events_{months_ago(3)[2]}") == 10
    assert left(large) == 0
    assert large.nothing_left(policy)


def test_a_held_lock_or_no_key_leaves_everything(large: Shop) -> None:
    policy = large.policy(fill_gaps=False, premake=0)
    with psycopg.connect(large.url) as reader:
        reader.execute("SELECT count(*) FROM app.events")
        report = large.run(policy)
    assert {d.outcome for d in report.done} == {"blocked"}
    assert large.one("SELECT count(*) FROM app.events") == 1_501
    large.connection.execute("ALTER TABLE app.events DROP CONSTRAINT events_pkey")
    report = large.run(policy)
    assert {d.outcome for d in report.done} == {"failed"}
    assert "has no primary key" in (report.done[0].error or "")
    assert large.one("SELECT count(*) FROM app.events") == 1_501
    # only strays are left, and this month's partition can be attached by reading them only
    large.connection.execute("DELETE FROM app.events WHERE at < '9999-01-01+00'")
    with psycopg.connect(large.url) as reader:
        reader.execute("SELECT count(*) FROM app.events")
        (done,) = large.run(policy).done
    assert (done.kind, done.outcome) == ("create", "blocked")
    assert "reads app.events_default (0 MB) while it is locked" in (done.error or "")
    assert "has no primary key" in (done.error or "")
    assert [(d.kind, d.outcome) for d in large.run(policy).done] == [("create", "done")]


def test_strays_alone_are_not_read_under_the_lock(large: Shop, said: list[str]) -> None:
    large.connection.execute("DELETE FROM app.events WHERE at < '9999-01-01+00'")
    report = large.run(large.policy(fill_gaps=False))
    assert [(d.kind, d.outcome, d.detail.get("how")) for d in report.done] == [
        ("create", "done", "by a copy"),
        ("create", "done", None),
    ]
    assert large.attached() == sorted(["default", "middle", THIS[2], NEXT[2]])
    assert large.one("SELECT count(*) FROM app.events_default") == 1
    assert len([line for line in said if "is implied by existing constraints" in line]) == 2, said
    assert not [line for line in said if "verifying table" in line or "validating" in line]
    assert left(large) == 0


def test_rows_of_a_published_table_are_not_told_to_be_deleted(shop: Shop) -> None:
    shop.connection.execute(
        "CREATE TABLE app.events_default PARTITION OF app.events DEFAULT;"
        "CREATE PUBLICATION told FOR TABLE app.events"
    )
    shop.fill(THIS[0], 10)
    report = shop.run(shop.policy(premake=0))
    assert [(d.kind, d.outcome, d.detail.get("how")) for d in report.done] == [
        ("drain", "done", "by a copy")
    ]
    assert shop.one("SELECT count(*) FROM app.events") == 10
    shop.connection.execute(
        "CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER its_own BEFORE INSERT ON app.events_default FOR EACH ROW"
        " EXECUTE FUNCTION app.f()"
    )
    shop.fill(NEXT[0], 5)
    (done,) = shop.run(shop.policy(premake=0)).done
    assert "triggers of its own: its_own" in (done.error or "")
    shop.connection.execute("DROP TRIGGER its_own ON app.events_default")
    shop.connection.execute(
        "CREATE VIEW app.strays AS SELECT id FROM app.events_default;"
        "CREATE FUNCTION app.shown(app.events_default) RETURNS text LANGUAGE sql"
        " AS 'SELECT $1.note'"
    )
    (done,) = shop.run(shop.policy(premake=0)).done
    assert "and function app.shown(app.events_default), view app.strays would go on with" in (
        done.error or ""
    )
    shop.connection.execute("DROP VIEW app.strays; DROP FUNCTION app.shown")
    shop.connection.execute("CREATE PUBLICATION whole FOR ALL TABLES")
    (done,) = shop.run(shop.policy(premake=0)).done
    assert (done.kind, done.outcome) == ("drain", "failed")
    assert "publication whole would tell" in (done.error or "")
    assert shop.one("SELECT count(*) FROM app.events") == 15
