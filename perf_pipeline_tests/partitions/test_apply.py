import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from perf_pipeline.errors import BusyError, UnreachableError, UnsupportedServerError
from perf_pipeline.partitions import apply, drain, proofs, runner, together
from perf_pipeline.partitions.model import Policy
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.lock_budget import LockBudget
from perf_pipeline_tests.partitions.conftest import PARENT, Shop, months_ago
from perf_pipeline_tests.snapshots.sessions import until

pytestmark = pytest.mark.server
THIS, NEXT = months_ago(0)[2], months_ago(-1)[2]


def old_month(shop: Shop, ago: int = 5, rows: int = 100) -> str:
    first, last, suffix = months_ago(ago)
    shop.partition(first, last, f"events_{suffix}")
    shop.fill(first, rows)
    return suffix


def test_partitions_are_made_and_then_nothing_is_left_to_do(shop: Shop) -> None:
    policy = shop.policy()
    assert shop.did(policy) == [("create", THIS, "done"), ("create", NEXT, "done")]
    assert shop.did(policy) == []
    shop.fill(months_ago(0)[0], 5)
    assert shop.one("SELECT count(*) FROM app.events") == 5
    assert shop.log() == [("create", "done"), ("create", "done")]
    # index, key and foreign key came along
    made = f"app.events_{THIS}"
    assert shop.one(f"SELECT count(*) FROM pg_index WHERE indrelid = '{made}'::regclass") == 2
    kinds = shop.one(
        "SELECT string_agg(contype::text, '' ORDER BY contype) FROM pg_constraint"
        f" WHERE conrelid = '{made}'::regclass AND contype IN ('p', 'f')"
    )
    assert kinds == "fp"


def test_a_partition_takes_over_what_its_parent_has(shop: Shop) -> None:
    shop.connection.execute(
        "ALTER TABLE app.events ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY mine ON app.events USING (customer = 1);"
        "ALTER TABLE app.events REPLICA IDENTITY FULL;"
        "CREATE FUNCTION app.noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER noted BEFORE INSERT ON app.events FOR EACH ROW"
        " EXECUTE FUNCTION app.noted();"
        "CREATE PUBLICATION told FOR TABLE app.events"
    )
    first, last, suffix = months_ago(1)
    shop.partition(first, last, f"events_{suffix}")
    shop.connection.execute(f"ALTER TABLE app.events_{suffix} SET (fillfactor = 70)")
    shop.run(shop.policy())
    found = shop.one(
        "SELECT ROW(relrowsecurity, relreplident, reloptions::text) FROM pg_class"
        f" WHERE oid = 'app.events_{NEXT}'::regclass"
    )
    assert found == ("t", "f", "{fillfactor=70}") or found == (True, "f", "{fillfactor=70}")
    assert (
        shop.one(
            f"SELECT count(*) FROM pg_trigger WHERE tgrelid = 'app.events_{NEXT}'::regclass"
            " AND NOT tgisinternal"
        )
        == 1
    )
    assert shop.one("SELECT count(*) FROM pg_publication_tables WHERE pubname = 'told'") >= 1
    shop.connection.execute("SET allow_in_place_tablespaces = on")
    shop.connection.execute(f"CREATE TABLESPACE \"{shop.name} on disk\" LOCATION ''")
    try:
        shop.connection.execute(
            "CREATE TABLE app.spaced (id int, at date, UNIQUE (id, at)) PARTITION BY RANGE (at)"
            f' TABLESPACE "{shop.name} on disk"'
        )
        shop.run(Policy("app.spaced", "at", every="month", premake=0))
        assert shop.one(f"SELECT tablespace FROM pg_tables WHERE tablename = 'spaced_{THIS}'") == (
            f"{shop.name} on disk"
        )
    finally:
        shop.connection.execute("DROP TABLE app.spaced")
        shop.connection.execute(f'DROP TABLESPACE "{shop.name} on disk"')


def test_old_months_go_to_the_archive_and_only_then_away(shop: Shop) -> None:
    suffix = old_month(shop)
    young = old_month(shop, 2)
    assert shop.did(shop.old(fill_gaps=False)) == [
        ("create", THIS, "done"),
        ("create", NEXT, "done"),
        ("archive", suffix, "done"),
        ("detach", suffix, "done"),
        ("drop", suffix, "done"),
    ]
    assert shop.attached() == sorted([young, THIS, NEXT])
    assert shop.one(f"SELECT to_regclass('app.events_{suffix}')") is None
    (proof,) = proofs.of_target(shop.store, shop.name, dropped=True)
    assert proof.row_count == 100
    assert proof.dropped_at is not None
    assert len(shop.files.sizes()) == 1
    assert shop.did(shop.old(fill_gaps=False)) == []


def test_a_file_that_is_gone_keeps_its_partition(shop: Shop) -> None:
    suffix = old_month(shop)
    policy = shop.old(fill_gaps=False)
    shop.run(policy, kinds=("create", "archive", "detach"))
    (file,) = shop.files.sizes()
    data = shop.files.get(file)
    shop.files.put(file, data[:-100] + bytes(100))
    assert shop.did(policy) == [("drop", suffix, "failed")]
    shop.files.delete(file)
    assert shop.did(policy) == [("drop", suffix, "failed")]
    assert shop.one(f"SELECT count(*) FROM app.events_{suffix}") == 100
    shop.files.put(file, data)
    assert shop.did(policy) == [("drop", suffix, "done")]


def test_rows_that_came_late_are_archived_before_the_drop(shop: Shop) -> None:
    suffix = old_month(shop)
    policy = shop.old(fill_gaps=False)
    shop.run(policy, kinds=("create", "archive"))
    shop.fill(months_ago(5)[0], 7)
    report = shop.run(policy)
    assert [(d.kind, d.outcome, d.error) for d in report.done] == [
        ("detach", "done", None),
        ("drop", "done", None),
    ]
    (proof,) = proofs.of_target(shop.store, shop.name, dropped=True)
    assert proof.row_count == 107
    assert shop.one(f"SELECT to_regclass('app.events_{suffix}')") is None


def test_what_is_not_old_by_the_servers_clock_is_not_dropped(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan from a wrong clock, carried out: the drop itself looks at the server's."""
    from perf_pipeline.partitions import plan as planning

    suffix = old_month(shop, 1)
    real = planning.plan
    monkeypatch.setattr(apply, "plan", lambda p, e, now: real(p, e, now + timedelta(days=366)))
    report = shop.run(shop.old(fill_gaps=False))
    (dropped,) = [d for d in report.done if d.kind == "drop" and d.partition.endswith(suffix)]
    assert dropped.outcome == "failed"
    assert "keeps all after" in (dropped.error or "")
    assert shop.one(f"SELECT count(*) FROM app.events_{suffix}") == 100


def test_the_default_partition_is_drained(shop: Shop) -> None:
    shop.connection.execute("CREATE TABLE app.events_default PARTITION OF app.events DEFAULT")
    first, _, suffix = months_ago(1)
    shop.fill(first, 50)
    shop.fill(months_ago(0)[0], 20)
    assert shop.did(shop.policy()) == [
        ("drain", suffix, "done"),
        ("drain", THIS, "done"),
        ("create", NEXT, "done"),
    ]
    assert shop.one("SELECT count(*) FROM app.events_default") == 0
    assert shop.one("SELECT count(*) FROM app.events") == 70
    assert shop.one("SELECT sum(twice) = 2 * sum(amount) FROM app.events")
    assert shop.nothing_left(shop.policy())


def test_a_row_on_its_way_to_the_default_partition_finds_the_new_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.connection.execute("CREATE TABLE app.events_default PARTITION OF app.events DEFAULT")
    shop.fill(months_ago(0)[0], 20)
    writers: list[threading.Thread] = []
    real = drain.create.attaching

    def attaching(*args: Any) -> Any:
        """Just before the partition is attached: a row comes for it, and waits."""
        writers.append(threading.Thread(target=shop_insert))
        writers[0].start()
        until(shop.connection, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")
        return real(*args)

    refused: list[Exception] = []

    def shop_insert() -> None:
        with psycopg.connect(shop.url, autocommit=True) as writer:
            try:
                writer.execute("INSERT INTO app.events (at) VALUES (now())")
            except psycopg.Error as error:
                refused.append(error)

    monkeypatch.setattr(drain.create, "attaching", attaching)
    budget = LockBudget(first_ms=2_000, most_ms=2_000, total_s=20.0)
    assert shop.did(shop.policy(premake=0), budget=budget) == [("drain", THIS, "done")]
    writers[0].join()
    assert refused == []
    assert shop.one(f"SELECT count(*) FROM app.events_{THIS}") == 21


def test_a_held_lock_blocks_one_table_and_not_the_others(shop: Shop) -> None:
    shop.connection.execute(
        "CREATE TABLE app.other (at date NOT NULL) PARTITION BY RANGE (at);"
        "CREATE TABLE app.events_default PARTITION OF app.events DEFAULT"
    )
    other = Policy("app.other", "at", every="day", premake=0)
    with psycopg.connect(shop.url) as holder:
        holder.execute("LOCK TABLE app.events_default IN ACCESS EXCLUSIVE MODE")
        report = shop.run(shop.policy(premake=1), other)
        outcomes = {d.parent: d.outcome for d in report.done}
        assert outcomes == {PARENT: "blocked", "app.other": "done"}
        blocked, again = [d for d in report.done if d.parent == PARENT]
        assert "AccessExclusiveLock" in (blocked.error or "")
        # what kept the one waiting for the whole budget is asked once more for the next
        assert "1 attempts" not in (blocked.error or "")
        assert "1 attempts" in (again.error or "")
        assert not report.ok
        assert any("locked" in note for note in report.notes)
    assert shop.did(shop.policy(premake=0), other) == [("create", THIS, "done")]
    assert ("create", "blocked") in shop.log()


def test_a_concurrent_detach_behind_a_long_transaction_is_finished_later(shop: Shop) -> None:
    suffix = old_month(shop)
    policy = shop.old(fill_gaps=False)
    with psycopg.connect(shop.url) as reader:
        reader.execute("SELECT count(*) FROM app.events")
        done = shop.run(policy)
        assert [(d.kind, d.outcome) for d in done.done if d.kind in {"detach", "drop"}] == [
            ("detach", "blocked"),
            ("drop", "skipped"),
        ]
    assert shop.did(policy) == [("finalize", suffix, "done"), ("drop", suffix, "done")]
    assert shop.one(f"SELECT to_regclass('app.events_{suffix}')") is None


def many(shop: Shop, count: int = 25) -> list[Policy]:
    for number in range(count):
        shop.connection.execute(
            f"CREATE TABLE app.m{number} (at date NOT NULL) PARTITION BY RANGE (at)"
        )
    return [Policy(f"app.m{number}", "at", every="month", premake=1) for number in range(count)]


def test_several_sessions_share_what_is_much(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    policies = many(shop)
    chunks: list[tuple[int, set[int]]] = []
    together_now = threading.Barrier(3)
    real = together._Work._some

    def some(self: Any, connection: Any, chunk: Any) -> Any:
        together_now.wait(30.0)
        chunks.append((connection.info.backend_pid, {existing.oid for _, existing, _ in chunk}))
        assert len(chunk) <= together.CHUNK
        return real(self, connection, chunk)

    monkeypatch.setattr(together._Work, "_some", some)
    with psycopg.connect(shop.url) as holder:
        holder.execute("LOCK TABLE app.m7 IN SHARE UPDATE EXCLUSIVE MODE")
        report = shop.run(*policies)
    monkeypatch.undo()
    # 25 parents of two partitions: three chunks at the same time, and no parent in two of them
    assert len({pid for pid, _ in chunks}) == len(chunks) == 3
    assert sum(len(oids) for _, oids in chunks) == 25
    # what stood beside the one that was locked was done, one by one
    assert {d.parent for d in report.done if d.outcome == "blocked"} == {"app.m7"}
    assert [d.outcome for d in report.done].count("done") == 48
    assert [plan.covered for plan in report.plans.values()].count(False) == 1
    assert sorted(outcome for _, outcome in shop.log()) == ["blocked"] * 2 + ["done"] * 48
    assert {d.outcome for d in shop.run(*policies).done} == {"done"}
    assert shop.nothing_left(*policies)


@pytest.mark.parametrize(
    ("room", "indexes", "chunk"),
    [(102_400, 2, 20), (6_400, 2, 20), (6_400, 10, 8), (1_280, 4, 3), (640, 40, 1)],
)
def test_locks_leave_room_for_others(room: int, indexes: int, chunk: int) -> None:
    assert together.chunk_size(room, indexes) == chunk
    taken = together.LANES * chunk * (4 + 2 * indexes)
    assert taken <= room / 8 or chunk == 1


def test_where_no_more_sessions_are_to_be_had_one_does_all(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = many(shop)
    with psycopg.connect(shop.url) as dying:  # a dead maintainer's second session, at work still
        dying.execute(sqlfiles.load("partitions/lock_beside").text)
        with pytest.raises(BusyError, match="another run"):
            shop.run(*policies)
    opened = []

    def session(*args: Any) -> Any:
        opened.append(args)
        raise UnreachableError("too many connections")

    monkeypatch.setattr(runner, "session", session)
    assert {d.outcome for d in shop.run(*policies).done} == {"done"}
    assert len(opened) == 2
    assert shop.nothing_left(*policies)


def test_two_runs_at_once_are_one(shop: Shop) -> None:
    with psycopg.connect(shop.url) as other:
        other.execute(sqlfiles.load("partitions/lock").text)
        with pytest.raises(BusyError, match="another run"):
            shop.run(shop.policy())


def test_the_next_may_begin_before_the_server_saw_the_last_one_leave(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_still: list[psycopg.Connection] = []
    with monkeypatch.context() as slow:
        slow.setattr(psycopg.Connection, "close", lambda self: open_still.append(self))
        shop.run(shop.policy())
        assert open_still
        shop.run(shop.policy())
    for each in open_still:
        each.close()


def test_a_replica_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from perf_pipeline.partitions import catalog

    real = catalog.sqlfiles.load  # type: ignore[attr-defined]

    def load(name: str, *major: int) -> sqlfiles.SqlFile:
        file: sqlfiles.SqlFile = real(name, *major)
        text = file.text.replace("pg_catalog.pg_is_in_recovery()", "true")
        return replace(file, text=text)  # type: ignore[arg-type]

    monkeypatch.setattr(catalog.sqlfiles, "load", load)  # type: ignore[attr-defined]
    with pytest.raises(UnsupportedServerError, match="replica"):
        shop.run(shop.policy())


def test_a_row_at_infinity_keeps_nobody_from_planning(shop: Shop) -> None:
    shop.connection.execute(
        "CREATE TABLE app.events_rest PARTITION OF app.events"
        " FOR VALUES FROM ('2100-01-01+00') TO (MAXVALUE);"
        "INSERT INTO app.events (at) VALUES ('infinity')"
    )
    report = shop.run(shop.policy(headroom_days=10.0, fill_gaps=False))
    assert [d.outcome for d in report.done] == ["done", "done"]
    assert any("events_rest could not be read" in note for note in report.notes)
