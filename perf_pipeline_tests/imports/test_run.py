"""Days of history in the store: whose day it is, exactly once, whatever happens in between."""

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest

from perf_pipeline.baselines import build as baselines
from perf_pipeline.errors import ConfigurationError, UnreachableError
from perf_pipeline.imports import run, write
from perf_pipeline.imports.exports import FileHistory, Options
from perf_pipeline.imports.model import Summary
from perf_pipeline.regressions import find
from perf_pipeline.snapshots import rollup
from perf_pipeline.store import Store, progress, targets
from perf_pipeline_tests.imports.support import DBID, USERID, export, hours, work
from perf_pipeline_tests.regressions import ledger

pytestmark = pytest.mark.server

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
FIRST = date(2026, 3, 2)
FIFTEEN = Options(server_version=150_004)
DAYS = 4
INSTANTS = hours(24 * DAYS)  # the last is at 23:55 of the last day
DID = work(24 * DAYS - 1, 3)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exports") / "x.parquet"
    export(INSTANTS, DID).write_parquet(path)
    return path


def imported(store: Store, file: Path, *, now: datetime = NOW, **more) -> Summary:
    with closing(FileHistory([str(file)], FIFTEEN)) as history:
        return run.run(store, "shop", history, now=now, **more)


def content(store: Store) -> dict[str, list[tuple]]:
    with store.begin() as connection:
        return {
            table: connection.execute(
                f"SELECT t::text FROM ledger.{table} AS t ORDER BY 1"
            ).fetchall()
            for table in ("sweeps", "statements", "query_texts", "statement_texts")
        }


def calls(store: Store) -> int:
    with store.begin() as connection:
        row = connection.execute("SELECT coalesce(sum(calls), 0) FROM ledger.statements").fetchone()
        return int(row[0]) if row else 0


def actions(summary: Summary) -> list[str]:
    return [day.action for day in summary.days]


def test_every_call_is_in_the_ledger_once_with_its_source(store: Store, file: Path) -> None:
    done = imported(store, file)
    assert actions(done) == ["import"] * DAYS
    assert (done.statements, done.texts, done.qualities) == (3, 3, {"exact": 3 * 95})
    assert calls(store) == DID.calls.sum()
    with store.begin() as connection:
        rows = connection.execute(
            "SELECT source::text, count(*), min(ts), count(previous_ts), min(server_version_num),"
            " sum(rows_written), min(notes) FROM ledger.sweeps GROUP BY 1"
        ).fetchall()
        texts = connection.execute(
            "SELECT s.userid, s.dbid, q.query FROM ledger.statement_texts AS s"
            " JOIN ledger.query_texts AS q USING (text_hash) ORDER BY 3"
        ).fetchall()
    assert [row[:6] for row in rows] == [("imported", 96, INSTANTS[0], 95, 150_004, 285)]
    assert rows[0][6].startswith("imported from pg_stat_statements snapshots in x.parquet")
    assert texts[0] == (USERID, DBID, "SELECT * FROM t0 WHERE id = $1")


def test_a_dry_run_says_the_same_and_writes_nothing(store: Store, file: Path) -> None:
    before = content(store)
    dry = imported(store, file, dry_run=True)
    assert content(store) == before
    assert targets.find(store, "shop") is None
    wet = imported(store, file)
    assert (dry.days, dry.statements, dry.texts) == (wet.days, wet.statements, wet.texts)
    assert imported(store, file, dry_run=True).days == imported(store, file).days


def test_running_it_twice_changes_nothing(store: Store, file: Path) -> None:
    imported(store, file)
    once = content(store)
    again = imported(store, file)
    assert actions(again) == ["there"] * DAYS
    assert again.hints == ()
    assert content(store) == once


@pytest.mark.parametrize("after", [0, 2])
def test_killed_in_the_middle_it_goes_on(
    store: Store, file: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection dies within the transaction of a day: after its rows, before its sweeps."""
    real, written = write.copy.write_frame, []

    def end(pid: int) -> None:
        with psycopg.connect(store.url) as other:
            other.execute("SELECT pg_terminate_backend(%s, 20000)", (pid,))

    def write_frame(connection: psycopg.Connection, table: tuple[str, str], frame: pl.DataFrame):
        if table == ("ledger", "sweeps"):
            if len(written) == after:
                end(connection.info.backend_pid)
            written.append(frame.height)
        return real(connection, table, frame)

    with monkeypatch.context() as patch:
        patch.setattr(write.copy, "write_frame", write_frame)
        with pytest.raises(UnreachableError, match="connection was lost"):
            imported(store, file)
    with store.begin() as connection:
        days = connection.execute("SELECT count(DISTINCT ts::date) FROM ledger.sweeps").fetchone()
    assert days == (after,)
    again = imported(store, file)
    assert actions(again) == ["there"] * after + ["import"] * (DAYS - after)
    assert calls(store) == DID.calls.sum()
    assert len(content(store)["statement_texts"]) == 3


def test_collected_days_win(store: Store, file: Path) -> None:
    second = [ts.replace(tzinfo=None) for ts in INSTANTS[24:26]]
    ledger.write(
        store,
        "shop",
        {"sweeps": ledger.sweeps(second), "statements": ledger.statement(second, [1, 1], 9)},
    )
    before = content(store)["statements"]
    done = imported(store, file)
    assert actions(done) == ["import", "collected", "import", "import"]
    assert set(before) < set(content(store)["statements"])
    # the day after begins within the collected day's last interval only if that reaches into it
    assert done.days[2].overlapping == 0
    assert calls(store) - 80 == DID.calls.sum() - DID.calls[23:47].sum()


def test_an_interval_does_not_reach_into_collected_time(store: Store, file: Path) -> None:
    """The collector swept until five to midnight; ours would begin at 22:55."""
    late = [datetime(2026, 3, 3, 23, 30), datetime(2026, 3, 3, 23, 58)]
    ledger.write(
        store,
        "shop",
        {"sweeps": ledger.sweeps(late), "statements": ledger.statement(late, [1, 1], 9)},
    )
    done = imported(store, file)
    assert actions(done) == ["import", "collected", "import", "import"]
    assert [day.overlapping for day in done.days] == [0, 0, 1, 0]


def test_a_day_the_collector_took_meanwhile_is_left_to_it(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = write.partitions.ensure
    taken: list[date] = []

    def ensure(connection: psycopg.Connection, day: date, *args, **more):
        if day == FIRST + timedelta(days=1) and not taken:
            taken.append(day)
            ends = [datetime(2026, 3, 3, 10), datetime(2026, 3, 3, 11)]
            ledger.write(store, "shop", {"sweeps": ledger.sweeps(ends)})
        return real(connection, day, *args, **more)

    monkeypatch.setattr(write.partitions, "ensure", ensure)
    done = imported(store, file)
    assert actions(done) == ["import", "collected", "import", "import"]
    with store.begin() as connection:
        rows = connection.execute(
            "SELECT DISTINCT source::text FROM ledger.sweeps WHERE ts::date = '2026-03-03'"
        ).fetchall()
    assert rows == [("collected",)]


def test_more_of_the_same_history_is_added_at_both_ends(store: Store, tmp_path: Path) -> None:
    frame = export(INSTANTS, DID)

    def part(start: int, end: int) -> Path:
        path = tmp_path / f"{start}.parquet"
        frame.filter(pl.col("ts").is_between(INSTANTS[start], INSTANTS[end - 1])).write_parquet(
            path
        )
        return path

    imported(store, part(30, 60))
    assert calls(store) == DID.calls[30:59].sum()
    imported(store, part(0, 60))
    assert calls(store) == DID.calls[:59].sum()
    imported(store, part(20, 96))
    assert calls(store) == DID.calls.sum()
    assert len(content(store)["sweeps"]) == 96


def test_snapshots_of_another_program_at_other_times_do_not_count_twice(
    store: Store, file: Path, tmp_path: Path
) -> None:
    imported(store, file)
    before = content(store)
    shifted = export(INSTANTS, DID).with_columns(pl.col("ts") + timedelta(minutes=3))
    shifted.write_parquet(tmp_path / "y.parquet")
    done = imported(store, tmp_path / "y.parquet")
    # the last one ends after all that is known, but begins within it
    assert sum(day.overlapping for day in done.days) == 96
    assert content(store)["statements"] == before["statements"]


def test_today_and_the_future(store: Store, file: Path) -> None:
    today = INSTANTS[-1] + timedelta(minutes=1)
    done = imported(store, file, now=today)
    assert actions(done) == ["import", "import", "import", "unfinished"]
    with pytest.raises(ConfigurationError, match="lies in the future") as raised:
        imported(store, file, now=today - timedelta(hours=3))
    assert "--timezone" in raised.value.remedy


def test_a_day_too_large_for_memory_goes_through_files(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write.DayRows.__init__, "__defaults__", (10,))
    imported(store, file)
    assert calls(store) == DID.calls.sum()


def test_an_archived_day_is_left_alone_and_not_reached_into(store: Store, file: Path) -> None:
    """The collector swept it until five to midnight; our next interval begins at 22:55."""
    number = targets.register(store, "shop")
    with store.begin() as connection:
        connection.execute(
            "INSERT INTO ledger.archive (path, target_id, table_name, day, row_count, checksum,"
            " bytes, first_ts, last_ts) VALUES ('x', %s, 'sweeps', %s, 1, '', 1, %s, %s)",
            (number, FIRST, INSTANTS[2], INSTANTS[23] + timedelta(minutes=3)),
        )
    done = imported(store, file)
    assert actions(done) == ["rolled_up", "import", "import", "import"]
    assert [day.overlapping for day in done.days] == [0, 1, 0, 0]


def test_another_major_than_the_collected_sweeps_is_told(store: Store, file: Path) -> None:
    later = [datetime(2026, 5, 1, 10), datetime(2026, 5, 1, 11)]
    ledger.write(store, "shop", {"sweeps": ledger.sweeps(later)})
    done = imported(store, file, history_start=date(2026, 5, 1))
    assert any("from PostgreSQL 15, the target runs 18" in note for note in done.notes)
    assert 'history_start: "2026-03-02" (now "2026-05-01")' in done.hints[0]


# --- what follows ---------------------------------------------------------------------------------


def test_days_that_were_done_are_due_again(store: Store, tmp_path: Path) -> None:
    frame = export(INSTANTS, DID)
    frame.filter(pl.col("ts") >= INSTANTS[48]).write_parquet(tmp_path / "later.parquet")
    frame.write_parquet(tmp_path / "all.parquet")
    imported(store, tmp_path / "later.parquet")
    last = FIRST + timedelta(days=DAYS - 1)
    for stage in progress.STAGES:
        progress.finish(store, "shop", stage, progress.begin(store, "shop", stage, FIRST, last))

    def due() -> list[date]:
        found = progress.uncovered(store, {"shop": FIRST}, last, 99)
        return [state.day for state in found]

    assert due() == []
    imported(store, tmp_path / "all.parquet")
    # the later days, too: their baselines look back on the earlier ones
    assert due() == [FIRST + timedelta(days=n) for n in range(DAYS)]
    progress_before = due()
    imported(store, tmp_path / "all.parquet")
    assert due() == progress_before


def test_a_newcomer_has_baselines_and_findings_on_day_one(store: Store, tmp_path: Path) -> None:
    """Twelve days in the fewest columns there can be; a statement gets slower on the tenth."""
    least = {"ts", "userid", "dbid", "queryid", "calls", "total_exec_time", "query"}
    did = work(24 * 12 - 1, 4, slower=(2, 24 * 9, 2.5))
    path, last = tmp_path / "x.csv", FIRST + timedelta(days=11)
    export(hours(24 * 12), did, columns=least.__contains__).write_csv(path)
    imported(store, path)
    assert rollup.roll_up(store, "shop", FIRST, last).intervals == did.calls.size
    with store.begin() as connection:
        unknown = connection.execute(
            "SELECT count(*), count(exec_time_squares), count(rows),"
            " (sum(calls) FILTER (WHERE exact))::bigint FROM ledger.statements_hourly"
        ).fetchone()
    assert unknown == (did.calls.size, 0, 0, did.calls.sum())
    found = judged(store, last)
    assert set(found["queryid"]) == {3_000_009}
    assert abs(found["onset"].min() - datetime(2026, 3, 11)) <= timedelta(hours=1)
    assert found["relative_change"].min() == pytest.approx(1.5, rel=0.1)
    # what pg_profile keeps is never proved exact: it counts all the same
    with store.begin() as connection:
        connection.execute("UPDATE ledger.statements SET quality = 'lower_bound'")
    rollup.roll_up(store, "shop", FIRST, last)
    assert judged(store, last).equals(found)


def judged(store: Store, last: date) -> pl.DataFrame:
    assert baselines.build(store, "shop", FIRST, last).statements == 4
    return find.find(store, "shop", FIRST, last).findings


def test_the_first_collected_sweep_goes_on_and_counts_nothing_twice(
    store: Store, file: Path
) -> None:
    imported(store, file)
    first = [datetime(2026, 3, 6, 8), datetime(2026, 3, 6, 8, 5)]
    sweeps = ledger.sweeps(first).with_columns(
        previous_ts=pl.Series([None, first[0]], dtype=pl.Datetime("us")),
        quality=pl.Series(["first_seen", "exact"]),
    )
    ledger.write(
        store, "shop", {"sweeps": sweeps, "statements": ledger.statement(first[1:], [1.0], 9)}
    )
    assert actions(imported(store, file)) == ["there"] * DAYS
    last = date(2026, 3, 6)
    rollup.roll_up(store, "shop", FIRST, last)
    with store.begin() as connection:
        rows = connection.execute(
            "SELECT source::text, sum(calls)::bigint FROM ledger.statements_hourly GROUP BY 1"
        ).fetchall()
    assert dict(rows) == {"collected": 40, "imported": DID.calls.sum()}
