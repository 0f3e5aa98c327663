"""Days leave the store and come back, and nobody who reads them notices."""

import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest

from perf_pipeline.errors import ArchiveError, BusyError, ConfigurationError, InputError
from perf_pipeline.store import Store, archive, archive_check, ledger, partitions, place, targets
from perf_pipeline.store.retention import Policy
from perf_pipeline_tests.store.bucket_server import bucket_server
from perf_pipeline_tests.store.filling import fill
from perf_pipeline_tests.store.test_place import credentials

pytestmark = pytest.mark.server

TODAY = date(2026, 11, 21)
DAY = TODAY - timedelta(days=20)
POLICY = Policy(hot_days=14, hot_sweep_days=14, archive_days=400, hourly_months=3, daily_months=3)


@pytest.fixture
def files(tmp_path: Path) -> place.Place:
    return place.open_place(str(tmp_path / "archive"))


def everything(store: Store, files: place.Place, target_id: int) -> dict[str, pl.DataFrame]:
    """Return every row of every daily table, in one order."""
    found = {table: ledger.read(store, table, target_id, files=files) for table in partitions.DAILY}
    return {table: frame.sort(frame.columns) for table, frame in found.items()}


def same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> bool:
    return all(one[t].schema == other[t].schema and one[t].equals(other[t]) for t in one)


def days_in_store(store: Store) -> set[date]:
    return {part.start for part in archive.held(store) if part.is_daily}


def test_every_table_reads_the_same_from_its_files(store: Store, files: place.Place) -> None:
    one, two = fill(store, "one", DAY, 7), fill(store, "two", DAY, 4, seed=3)
    fill(store, "one", TODAY, 2)
    before = [everything(store, files, target) for target in (one, two)]
    assert files.sizes() == {}
    done = archive.run(store, files, POLICY, TODAY)
    assert done.failures == done.busy == ()
    assert {(moved.table, moved.rows, moved.files) for moved in done.moved} == {
        (table, 11, 2) for table in partitions.DAILY
    }
    assert days_in_store(store) == {TODAY}
    assert sum(moved.archive_bytes for moved in done.moved) == sum(files.sizes().values())
    after = [everything(store, files, target) for target in (one, two)]
    assert all(same(*pair) for pair in zip(before, after, strict=True))
    assert before[0]["statements"].height == 9
    assert archive.run(store, files, POLICY, TODAY) == archive.Outcome()


def test_a_read_is_narrowed_alike_in_store_and_archive(store: Store, files: place.Place) -> None:
    target = fill(store, "one", DAY, 12, ("statements",))
    span = (
        datetime(DAY.year, DAY.month, DAY.day, 0, 10, tzinfo=UTC),
        datetime(DAY.year, DAY.month, DAY.day, 0, 45),
    )
    ids = ledger.read(store, "statements", target, columns=("queryid",))["queryid"].to_list()

    def look() -> list[pl.DataFrame]:
        read = [
            ledger.read(store, "statements", target, *span, files=files),
            ledger.read(store, "statements", target, *span, columns=("calls", "ts"), files=files),
            ledger.read(store, "statements", target, only={"queryid": ids[2:4]}, files=files),
            ledger.read(store, "statements", target, only={"quality": ["exact"]}, files=files),
            ledger.read(store, "statements", target, only={"quality": ["gap"]}, files=files),
            ledger.read(store, "statements", target, only={"queryid": []}, files=files),
        ]
        return [frame.sort(frame.columns) for frame in read]

    before = look()
    assert [frame.height for frame in before] == [7, 7, 2, 12, 0, 0]
    archive.run(store, files, POLICY, TODAY)
    for one, other in zip(before, look(), strict=True):
        assert one.schema == other.schema
        assert one.equals(other)


def test_a_late_row_joins_its_day(store: Store, files: place.Place) -> None:
    target = fill(store, "one", DAY, 3)
    archive.run(store, files, POLICY, TODAY)
    first = set(files.sizes())
    fill(store, "one", DAY, 2, seed=999)
    both = everything(store, files, target)
    assert both["sweeps"].height == 5
    archive.run(store, files, POLICY, TODAY)
    assert same(both, everything(store, files, target))
    assert days_in_store(store) == set()
    # what was merged stays for readers that know the old list, and goes an hour later
    assert first < set(files.sizes())
    with store.begin() as connection:
        connection.execute("UPDATE ledger.archive SET superseded_at = now() - interval '2 hours'"
                           " WHERE superseded_at IS NOT NULL")  # fmt: skip
    assert archive.run(store, files, POLICY, TODAY).deleted == len(first)
    assert not first & set(files.sizes())
    assert same(both, everything(store, files, target))


def test_a_day_is_restored_changed_and_archived_again(store: Store, files: place.Place) -> None:
    target, other = fill(store, "one", DAY, 3), fill(store, "two", DAY, 3)
    whole = [everything(store, files, t) for t in (target, other)]
    archive.run(store, files, POLICY, TODAY)
    rows = archive.restore(store, files, target, DAY, DAY)
    assert rows == 3 * len(partitions.DAILY)
    assert days_in_store(store) == {DAY}
    assert same(whole[0], everything(store, files, target))
    assert archive.restore(store, files, target, DAY, DAY) == 0
    # the same content has the same name: its file must not be deleted as given up
    archive.run(store, files, POLICY, TODAY)
    archive.restore(store, files, target, DAY, DAY)
    with store.begin() as connection:
        connection.execute("DELETE FROM ledger.statements WHERE target_id = %s", (target,))
    archive.run(store, files, POLICY, TODAY)
    after = everything(store, files, target)
    assert after["statements"].is_empty()
    assert after["sweeps"].equals(whole[0]["sweeps"])
    assert same(whole[1], everything(store, files, other))


def test_archived_days_can_be_forgotten(store: Store, files: place.Place) -> None:
    target, other = fill(store, "one", DAY, 3), fill(store, "two", DAY, 3)
    archive.run(store, files, POLICY, TODAY)
    with store.begin() as connection:
        archive.forget(connection, target, DAY, DAY)
    assert everything(store, files, target)["statements"].is_empty()
    assert everything(store, files, other)["statements"].height == 3


def test_files_and_partitions_end_by_age(store: Store, files: place.Place) -> None:
    target = fill(store, "one", DAY, 3, ("statements",))
    old = TODAY - timedelta(days=401)
    fill(store, "one", old, 3, ("statements",))
    with store.begin() as connection:
        partitions.ensure(connection, old, table=("ledger", "statements_hourly"))
    done = archive.run(store, files, POLICY, TODAY)
    assert f"statements_{old:%Y_%m_%d}" in done.dropped
    assert f"statements_hourly_{old:%Y_%m}" in done.dropped
    assert done.expired == 0
    assert ledger.read(store, "statements", target, files=files).height == 3
    done = archive.run(store, files, POLICY, DAY + timedelta(days=401))
    assert done.expired == 1
    assert ledger.read(store, "statements", target, files=files).is_empty()


def test_a_day_that_is_not_over_is_refused(store: Store, files: place.Place) -> None:
    with pytest.raises(InputError, match="after today"):
        archive.run(store, files, POLICY, TODAY, before=TODAY + timedelta(days=1))
    fill(store, "one", TODAY, 1, ("statements",))
    assert archive.run(store, files, POLICY, TODAY, before=TODAY).moved == ()


class Lossy(place.Folder):
    """A disk that changes what is written to it."""

    def put(self, path: str, data: bytes) -> None:
        other = pl.read_parquet(data)
        numbers = [n for n, dtype in other.schema.items() if dtype == pl.Int64][-1:]
        changed = other.with_columns(pl.col(numbers) + 1) if numbers else other[1:]
        self._folder.mkdir(parents=True, exist_ok=True)
        changed.write_parquet(self._folder / "x")
        super().put(path, (self._folder / "x").read_bytes())


def test_a_file_that_holds_something_else_keeps_the_day_in_the_store(
    store: Store, files: place.Place, tmp_path: Path
) -> None:
    target = fill(store, "one", DAY, 3)
    before = everything(store, files, target)
    done = archive.run(store, Lossy(tmp_path / "lossy"), POLICY, TODAY)
    assert done.moved == ()
    assert len(done.failures) == len(partitions.DAILY)
    assert "with checksum" in done.failures[0]
    assert days_in_store(store) == {DAY}
    assert same(before, everything(store, files, target))


def test_a_damaged_file_is_neither_merged_nor_restored(store: Store, files: place.Place) -> None:
    target = fill(store, "one", DAY, 3, ("statements",))
    archive.run(store, files, POLICY, TODAY)
    (path,) = files.sizes()
    files.put(path, b"PAR1 and then nothing")
    with pytest.raises(ArchiveError, match="is no Parquet file"):
        archive.restore(store, files, target, DAY, DAY)
    fill(store, "one", DAY, 2, ("statements",), seed=5)
    assert len(archive.run(store, files, POLICY, TODAY).failures) == 1
    with store.begin() as connection:
        count = connection.execute("SELECT count(*) FROM ledger.statements").fetchone()
    assert count == (2,)
    files.delete(path)
    with pytest.raises(ConfigurationError, match="is not there"):
        ledger.read(store, "statements", target, files=files)


def test_the_check_names_what_is_wrong(store: Store, files: place.Place) -> None:
    fill(store, "one", DAY, 3, ("statements", "tables", "indexes"))
    late = archive_check.check(store, files, POLICY, TODAY)
    assert set(late.overdue) == {f"{t}_{DAY:%Y_%m_%d}" for t in ("statements", "tables", "indexes")}
    archive.run(store, files, POLICY, TODAY)
    fine = archive_check.check(store, files, POLICY, TODAY)
    assert fine.ok
    assert fine.verified == 3
    of = {path.split("/")[0]: path for path in files.sizes()}
    files.put("statements/strange.parquet", b"?")
    files.put(of["statements"], bytes(len(files.get(of["statements"]))))
    files.put(of["tables"], b"short")
    files.delete(of["indexes"])
    found = archive_check.check(store, files, POLICY, TODAY)
    assert found.damaged == (of["statements"],)
    assert found.missing == (of["indexes"], of["tables"])
    assert found.strange == ("statements/strange.parquet",)
    assert not found.ok


def test_every_file_is_verified_again_in_time(store: Store, files: place.Place) -> None:
    for age in (20, 21, 22):
        fill(store, "one", TODAY - timedelta(days=age), 1, ("statements",))
    archive.run(store, files, POLICY, TODAY)
    newest = sorted(files.sizes())[-1]
    files.put(newest, bytes(len(files.get(newest))))
    looked = [archive_check.check(store, files, POLICY, TODAY, verify=1) for _ in range(3)]
    assert sum(found.damaged == (newest,) for found in looked) == 1


def test_a_reader_who_stays_is_not_pushed_aside(
    store: Store, files: place.Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "PAUSES_S", (0.05, 0.0))
    target = fill(store, "one", DAY, 3, ("statements",))
    with store.begin() as reader:
        reader.execute("SELECT FROM ledger.statements")
        done = archive.run(store, files, POLICY, TODAY)
        assert done.busy == (f"statements_{DAY:%Y_%m_%d}",)
        assert done.failures == ()
    assert ledger.read(store, "statements", target, files=files).height == 3
    assert [moved.rows for moved in archive.run(store, files, POLICY, TODAY).moved] == [3]


def test_one_at_a_time(store: Store, files: place.Place) -> None:
    with archive._only_one(store):
        with pytest.raises(BusyError, match="another process"):
            archive.run(store, files, POLICY, TODAY)
        with store.begin() as connection:
            connection.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(BusyError, match="being moved"):
                archive.forget(connection, 1, DAY, DAY)


def test_readers_see_each_day_once_while_days_move(store: Store, files: place.Place) -> None:
    days = [DAY - timedelta(days=n) for n in range(5)]
    for day in days:
        target = fill(store, "one", day, 5, ("statements",))
    counts: list[int] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            counts.append(ledger.read(store, "statements", target, files=files).height)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    for day in days:  # one by one, and back
        archive.run(store, files, POLICY, TODAY, before=day + timedelta(days=1))
        archive.restore(store, files, target, day, day)
    archive.run(store, files, POLICY, TODAY)
    stop.set()
    for reader in readers:
        reader.join()
    assert len(counts) > 10
    assert set(counts) == {25}


KILL = """
import os, signal, sys
from datetime import date
from perf_pipeline.store import Store, archive, place
from perf_pipeline.store.retention import Policy

url, folder, point = sys.argv[1:]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if point == "written":
    place.os.fsync = die
elif point == "renamed":
    archive.read_checked = die
elif point == "listed":
    archive._drop = die
elif point == "dropped":
    real = archive._drop
    archive._drop = lambda *a: (real(*a), die())
elif point == "committed":
    archive.Moved = die
archive.run(Store(url), place.open_place(folder), Policy(14, 14, 400, 3, 3), date(2026, 11, 21))
"""


def unlocked(store: Store) -> None:
    """Wait until the server has noticed that a killed run's session is gone."""
    held = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    end = time.monotonic() + 60
    with psycopg.connect(store.url, autocommit=True) as session:
        while session.execute(held).fetchone() != (0,):
            assert time.monotonic() < end
            time.sleep(0.02)


@pytest.mark.parametrize("point", ["written", "renamed", "listed", "dropped", "committed"])
def test_killed_anywhere_nothing_is_lost_and_the_next_run_goes_on(
    store: Store, files: place.Place, point: str
) -> None:
    target = fill(store, "one", DAY, 3, ("statements",))
    before = ledger.read(store, "statements", target)
    killed = subprocess.run(
        [sys.executable, "-c", KILL, store.url, files.url, point], capture_output=True, check=False
    )
    assert killed.returncode == -9, killed.stderr
    unlocked(store)
    assert files.sizes() != {}
    seen = ledger.read(store, "statements", target, files=files)
    assert seen.sort("ts").equals(before.sort("ts"))
    archive.run(store, files, POLICY, TODAY)
    seen = ledger.read(store, "statements", target, files=files)
    assert seen.sort("ts").equals(before.sort("ts"))
    assert DAY not in days_in_store(store)
    # nothing of the killed run is left over: the same content has the same name
    assert archive_check.check(store, files, POLICY, TODAY).ok


def test_an_older_files_missing_column_is_null_and_a_dropped_one_is_not_read(
    store: Store, files: place.Place
) -> None:
    target = fill(store, "one", DAY, 3, ("activity",))
    archive.run(store, files, POLICY, TODAY)
    with store.begin() as connection:
        connection.execute("ALTER TABLE ledger.activity ADD COLUMN later bigint")
        connection.execute("ALTER TABLE ledger.activity DROP COLUMN oldest_query_seconds")
    found = ledger.read(store, "activity", target, files=files)
    assert found["later"].to_list() == [None] * 3
    assert "oldest_query_seconds" not in found.columns
    assert archive.restore(store, files, target, DAY, DAY) == 3


def test_unknown_tables_and_columns_are_named(store: Store) -> None:
    target = targets.register(store, "one")
    with pytest.raises((ConfigurationError, psycopg.errors.UndefinedTable), match="nothing"):
        ledger.read(store, "nothing", target)
    with pytest.raises(ConfigurationError, match="no column 'nothing'"):
        ledger.read(store, "statements", target, columns=("nothing",))
    with pytest.raises(ConfigurationError, match="no column 'nothing'"):
        ledger.read(store, "statements", target, only={"nothing": [1]})


def test_a_bucket_serves_as_a_folder_does(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    target = fill(store, "one", DAY, 3)
    with bucket_server() as (endpoint, _):
        credentials(monkeypatch, endpoint)
        bucket = place.open_place("s3://bucket/prefix")
        before = everything(store, bucket, target)
        archive.run(store, bucket, POLICY, TODAY)
        assert same(before, everything(store, bucket, target))
        assert archive_check.check(store, bucket, POLICY, TODAY).ok
        assert archive.restore(store, bucket, target, DAY, DAY) == 3 * len(partitions.DAILY)
