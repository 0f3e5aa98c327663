import io
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import polars as pl
import psycopg
import pytest

from perf_pipeline.errors import BusyError, ConfigurationError, UnreachableError
from perf_pipeline.store import Store, frames, partitions, state, targets

pytestmark = pytest.mark.server

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
FRAME = pl.DataFrame({"a": [1, None], "w": ["x", ""], "t": [datetime(2026, 1, 1), None]})


def test_errors_say_that_it_is_the_store() -> None:
    with Store("postgresql://x@127.0.0.1:1/x") as store:
        with pytest.raises(UnreachableError, match=r"^store postgresql://x@127"):
            store.rows("target_id", {"name": "x"})
        with pytest.raises(UnreachableError), store.begin():
            pass


def test_a_wrong_url_is_named() -> None:
    with pytest.raises(ConfigurationError, match="not a PostgreSQL"):
        Store("sqlite:///x")


def test_a_transaction_is_undone_by_an_error(store: Store) -> None:
    def fails() -> None:
        with store.begin() as connection:
            connection.execute("INSERT INTO ledger.targets (name) VALUES ('x')")
            connection.execute("SELECT 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        fails()
    assert targets.find(store, "x") is None


def test_a_broken_pool_recovers(store: Store) -> None:
    with store.begin() as connection:
        pid = connection.info.backend_pid
    with psycopg.connect(store.url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 20000)", [pid])
    with store.begin() as connection:
        assert connection.info.backend_pid != pid


def test_a_store_that_goes_away_in_the_middle_is_unreachable(store: Store) -> None:
    def cut(*, at_commit: bool) -> None:
        with store.begin() as connection:
            connection.execute("INSERT INTO ledger.targets (name) VALUES ('lost')")
            pid = connection.info.backend_pid
            with psycopg.connect(store.url, autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s, 20000)", [pid])
            if not at_commit:
                connection.execute("SELECT 1")

    for at_commit in (False, True):
        with pytest.raises(UnreachableError, match=r"^store .* the connection was lost") as caught:
            cut(at_commit=at_commit)
        kept = "answer to the commit was lost" if at_commit else "nothing of this transaction was"
        assert kept in caught.value.remedy
    assert targets.find(store, "lost") is None


def test_a_statements_own_error_is_not_called_a_lost_connection(store: Store) -> None:
    def times_out() -> None:
        with store.begin() as connection:
            connection.execute("SET LOCAL statement_timeout = '10ms'")
            connection.execute("SELECT pg_sleep(5)")

    with pytest.raises(psycopg.errors.QueryCanceled):
        times_out()


@pytest.mark.parametrize(
    ("state", "kind", "says"),
    [
        ("53100", UnreachableError, "it has no room for this: the disk is full"),
        ("53200", UnreachableError, "make room"),
        ("58030", UnreachableError, "make room"),
        ("55P03", BusyError, "another session is in the way"),
        ("40P01", BusyError, "another session is in the way"),
        ("57P01", UnreachableError, "the connection was lost"),
        ("25P03", UnreachableError, "nothing of this transaction was kept"),
    ],
)
def test_what_a_store_cannot_do_is_told_with_a_remedy(
    state: str, kind: type[Exception], says: str, store: Store
) -> None:
    def refused() -> None:
        with store.begin() as connection:
            connection.execute("INSERT INTO ledger.targets (name) VALUES ('x')")
            raising = f"DO $$ BEGIN RAISE 'the disk is full' USING ERRCODE = '{state}'; END $$"
            connection.execute(raising.encode())

    with pytest.raises(kind, match=rf"^store postgresql://(.|\n)*{says}"):
        refused()
    assert targets.find(store, "x") is None


def test_a_silent_store_is_given_up(store: Store) -> None:
    def wait(patient: Store) -> None:
        with patient.begin() as connection:
            connection.execute("INSERT INTO ledger.targets (name) VALUES ('x')")
            connection.execute("SELECT pg_sleep(120)")

    started = time.monotonic()
    with Store(store.url, patience_s=1.0) as patient:
        with pytest.raises(UnreachableError, match=r"^store .* no answer within 1 s"):
            wait(patient)
        assert time.monotonic() - started < 60
        assert targets.find(patient, "x") is None  # it goes on with another connection
        with patient.begin() as connection:  # short silences add up to nothing
            for _ in range(4):
                connection.execute("SELECT pg_sleep(0.3)")


def test_rows_of_a_statement_without_rows(store: Store) -> None:
    assert store.rows("lock_partitions") == [{"pg_advisory_xact_lock": ""}]


def test_targets_keep_their_number(store: Store) -> None:
    first = targets.register(store, "a")
    assert targets.register(store, "b") != first
    assert targets.register(store, "a") == first == targets.find(store, "a")
    assert targets.find(store, "c") is None


def test_targets_registered_at_once_get_one_number(store: Store) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(targets.register(store, "same")))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_needed_partitions() -> None:
    wanted = partitions.needed([date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 1)])
    names = [part.name for part in wanted]
    assert len(names) == len(set(names)) == 2 * len(partitions.DAILY) + 2 * len(partitions.MONTHLY)
    assert "sweeps_2026_12_31" in names
    assert "statements_hourly_2026_12" in names
    monthly = next(part for part in wanted if part.name == "findings_2026_12")
    assert (monthly.start, monthly.end) == (date(2026, 12, 1), date(2027, 1, 1))
    assert partitions.missing(wanted, {"ledger.sweeps_2026_12_31"}) == [
        part for part in wanted if part.name != "sweeps_2026_12_31"
    ]


def test_partitions_are_made_once_and_hold_their_day(store: Store) -> None:
    day = date(2026, 3, 1)
    with store.begin() as connection:
        made = partitions.ensure(connection, day)
        assert made == len(partitions.DAILY) + len(partitions.MONTHLY)
        assert partitions.ensure(connection, day) == 0
        assert partitions.ensure(connection, day, day + timedelta(days=1)) == len(partitions.DAILY)
        table = ("ledger", "sweeps")
        assert partitions.ensure(connection, date(2026, 5, 1), table=table) == 1
    target_id = targets.register(store, "a")
    with store.begin() as connection:
        connection.execute(
            "INSERT INTO ledger.sweeps (target_id, ts, source, quality, server_version_num)"
            " VALUES (%s, %s, 'collected', 'exact', 1)",
            [target_id, T0],
        )
        where = connection.execute("SELECT tableoid::regclass::text FROM ledger.sweeps").fetchone()
        assert where == ("ledger.sweeps_2026_03_01",)
        indexes = connection.execute(
            "SELECT count(*) FROM pg_index WHERE indrelid = 'ledger.sweeps_2026_03_01'::regclass"
        ).fetchone()
        assert indexes == (1,)


def test_a_reader_does_not_stop_a_new_day(store: Store) -> None:
    with store.begin() as reader:
        reader.execute("SELECT count(*) FROM ledger.statements")
        with store.begin() as writer:
            writer.execute("SET LOCAL lock_timeout = '500ms'")
            assert partitions.ensure(writer, date(2026, 3, 1)) > 0


def test_a_new_day_does_not_stop_a_reader(store: Store) -> None:
    with store.begin() as writer:
        assert partitions.ensure(writer, date(2026, 3, 1)) > 0
        with store.begin() as reader:
            reader.execute("SET LOCAL lock_timeout = '500ms'")
            for table in partitions.DAILY:
                reader.execute(f"SELECT count(*) FROM ledger.{table}")


def test_many_writers_want_the_same_day(store: Store) -> None:
    made: list[int] = []

    def run() -> None:
        with store.begin() as connection:
            made.append(partitions.ensure(connection, date(2026, 3, 1)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = len(partitions.DAILY) + len(partitions.MONTHLY)
    assert sorted(made) == [0, 0, 0, everything]


def test_a_state_of_the_first_version_is_read(store: Store) -> None:
    """It was written as a file; now it is a stream."""
    target_id = targets.register(store, "t")
    buffer = io.BytesIO()
    FRAME.write_ipc(buffer, compression="zstd")
    with store.begin() as connection:
        state.save(connection, target_id, T0, {"x": FRAME, state.EVIDENCE: FRAME}, None)
        connection.execute(
            "UPDATE ledger.state SET frame = %s WHERE family = 'x'", [buffer.getvalue()]
        )
        found = state.load(connection, target_id)
    assert found.frames["x"].equals(found.frames[state.EVIDENCE])


def test_state_comes_back_as_it_was(store: Store) -> None:
    target_id = targets.register(store, "a")
    with store.begin() as connection:
        empty = state.load(connection, target_id)
        assert (empty.instant, len(empty.frames)) == (None, 0)
        kept = {"statements": FRAME, state.EVIDENCE: FRAME}
        state.save(connection, target_id, T0, kept, None)
    with store.begin() as connection:
        found = state.load(connection, target_id)
    assert found.instant == T0
    assert set(found.frames) == {"statements", state.EVIDENCE}
    assert found.frames["statements"].equals(FRAME)
    later = T0 + timedelta(minutes=5)
    with store.begin() as connection:
        state.save(connection, target_id, later, {state.EVIDENCE: FRAME}, T0)
        found = state.load(connection, target_id)
    assert found.instants == {"statements": T0, state.EVIDENCE: later}


@pytest.mark.parametrize("expected", [None, T0 - timedelta(seconds=1)])
def test_a_state_that_moved_is_not_replaced(store: Store, expected: datetime | None) -> None:
    target_id = targets.register(store, "a")
    with store.begin() as connection:
        state.save(connection, target_id, T0, {state.EVIDENCE: FRAME}, None)
    with pytest.raises(BusyError, match="another collector"), store.begin() as connection:
        state.save(connection, target_id, T0, {state.EVIDENCE: FRAME}, expected)


HOURLY = ("userid", "dbid", "queryid", "intervals", "calls", "total_exec_time")


def hours(target_id: int, *when: datetime) -> pl.DataFrame:
    row = dict.fromkeys(HOURLY, 1) | {"target_id": target_id, "source": "collected"}
    return pl.DataFrame([{**row, "hour": hour, "toplevel": True, "exact": True} for hour in when])


def test_days_are_replaced_whole_and_neighbours_kept(store: Store) -> None:
    one, two = targets.register(store, "a"), targets.register(store, "b")
    table = ("ledger", "statements_hourly")
    days = [datetime(2026, 3, day, 23) for day in (1, 2, 3)]
    first, last = date(2026, 3, 1), date(2026, 3, 3)
    assert frames.replace_days(store, table, "hour", one, first, last, hours(one, *days)) == 3
    assert frames.replace_days(store, table, "hour", two, first, last, hours(two, *days)) == 3
    again = hours(one, datetime(2026, 3, 2, 0))
    middle = date(2026, 3, 2)
    assert frames.replace_days(store, table, "hour", one, middle, middle, again) == 1

    def stored(target_id: int) -> list[datetime]:
        with store.begin() as connection:
            rows = connection.execute(
                "SELECT hour AT TIME ZONE 'UTC' FROM ledger.statements_hourly"
                " WHERE target_id = %s ORDER BY hour",
                [target_id],
            ).fetchall()
        return [row[0] for row in rows]

    assert stored(one) == [days[0], datetime(2026, 3, 2), days[2]]
    assert stored(two) == days


def test_the_store_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, make_database: Callable[..., str]
) -> None:
    from perf_pipeline import settings

    url = make_database()
    monkeypatch.setenv("PERF_STORE_URL", url)
    settings.current.cache_clear()
    with Store() as store, store.begin() as connection:
        assert connection.info.dbname in url
