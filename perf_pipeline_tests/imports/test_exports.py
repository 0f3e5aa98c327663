"""Exports as people make them: whatever order, however many files, one server, one database."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from perf_pipeline.errors import ConfigurationError, InputError, PerfPipelineError
from perf_pipeline.imports import spool
from perf_pipeline.imports.exports import FileHistory, Options
from perf_pipeline_tests.imports.support import DBID, Work, export, hours, work

INSTANTS = hours(31)
DID = work(30)
FIFTEEN = Options(server_version=150_004)


def opened(path: Path, options: Options = FIFTEEN) -> FileHistory:
    return FileHistory([str(path)], options)


def counted(history: FileHistory) -> dict[tuple[datetime, int], tuple[int, float]]:
    try:
        return {
            (interval.ts, row["queryid"]): (row["calls"], row["total_exec_time"])
            for interval in history.intervals(lambda _: True)
            for row in interval.rows.to_dicts()
        }
    finally:
        history.close()


def truth(did: Work = DID, instants: list[datetime] = INSTANTS):
    ids = export(instants[:1], did)["queryid"].to_list()
    return {
        (instants[i + 1], queryid): (int(did.calls[i, j]), pytest.approx(did.total_ms[i, j]))
        for i in range(did.calls.shape[0])
        for j, queryid in enumerate(ids)
    }


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    return export(INSTANTS, DID)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_what_ran_is_what_is_counted(tmp_path: Path, frame: pl.DataFrame, kind: str) -> None:
    file = tmp_path / f"x.{kind}"
    frame.write_csv(file) if kind == "csv" else frame.write_parquet(file)
    history = opened(file)
    assert list(history.instants) == INSTANTS
    assert history.majors == {15}
    assert counted(history) == truth()


def test_order_files_and_repeated_rows_do_not_matter(tmp_path: Path, frame: pl.DataFrame) -> None:
    mixed = frame.sample(fraction=1.0, shuffle=True, seed=1)
    mixed[:70].write_csv(tmp_path / "one.csv")
    mixed[60:].write_parquet(tmp_path / "two.parquet")
    history = opened(tmp_path)
    assert any("10 rows were there twice" in note for note in history.notes())
    assert counted(history) == truth()


def test_files_may_have_different_columns(tmp_path: Path, frame: pl.DataFrame) -> None:
    """What proves an entry to be the same is there for some snapshots only."""
    early = pl.col("ts") < INSTANTS[9]
    least = ["ts", "userid", "dbid", "queryid", "toplevel", "calls", "total_exec_time"]
    frame.filter(early).write_csv(tmp_path / "a.csv")
    frame.filter(~early).select(least).write_csv(tmp_path / "b.csv")
    with closing(opened(tmp_path)) as history:
        found = list(history.intervals(lambda _: True))
    qualities = {i.ts < INSTANTS[9]: set(i.rows["quality"]) for i in found if i.rows.height}
    assert qualities == {True: {"exact"}, False: {"lower_bound"}}
    assert counted(opened(tmp_path)) == truth()


def test_no_file_must_fit_into_memory(
    tmp_path: Path, frame: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are read, and intervals made, a few snapshots at a time."""
    monkeypatch.setattr(spool, "GROUP_ROWS", 20)
    monkeypatch.setattr("perf_pipeline.imports.files.GROUP_ROWS", 20)
    frame.sample(fraction=1.0, shuffle=True, seed=2).write_csv(tmp_path / "x.csv")
    most = 0
    real = spool.Spool.read

    def read(self: spool.Spool, group, dbid=None):
        nonlocal most
        found = real(self, group, dbid)
        most = max(most, found.height)
        return found

    monkeypatch.setattr(spool.Spool, "read", read)
    assert counted(opened(tmp_path / "x.csv")) == truth()
    assert 0 < most <= 20


def test_a_local_time_is_turned_into_utc(tmp_path: Path, frame: pl.DataFrame) -> None:
    local = pl.col("ts").dt.convert_time_zone("Asia/Kolkata").dt.replace_time_zone(None)
    frame.with_columns(local).write_csv(tmp_path / "x.csv")
    with pytest.raises(InputError, match="names no time zone"):
        opened(tmp_path / "x.csv")
    zoned = Options(ZoneInfo("Asia/Kolkata"), server_version=150_004)
    assert counted(opened(tmp_path / "x.csv", zoned)) == truth()


def test_a_database_is_chosen_by_oid_or_name(tmp_path: Path, frame: pl.DataFrame) -> None:
    other = frame.with_columns(dbid=pl.lit(77, pl.Int64), calls=pl.col("calls") * 2)
    both = pl.concat(
        [
            frame.with_columns(datname=pl.lit("shop")),
            other.with_columns(datname=pl.lit(None, pl.String)),
        ]
    )
    both.write_csv(tmp_path / "x.csv")
    with pytest.raises(ConfigurationError, match=r"several databases; it has 77: 186 rows, 16384"):
        opened(tmp_path / "x.csv")
    with pytest.raises(ConfigurationError, match="no database 'nowhere'"):
        opened(tmp_path / "x.csv", Options(database="nowhere", server_version=150_004))
    for chosen in (str(DBID), "shop"):
        options = Options(database=chosen, server_version=150_004)
        assert counted(opened(tmp_path / "x.csv", options)) == truth()


def test_two_servers_are_refused_and_one_can_be_chosen(tmp_path: Path, frame: pl.DataFrame) -> None:
    shifted = frame.with_columns(pl.col("ts") + timedelta(minutes=7), server=pl.lit("b"))
    pl.concat([frame.with_columns(server=pl.lit("a")), shifted]).write_csv(tmp_path / "x.csv")
    with pytest.raises(ConfigurationError, match="rows of several servers: a, b"):
        opened(tmp_path / "x.csv")
    options = Options(server="a", server_version=150_004)
    assert counted(opened(tmp_path / "x.csv", options)) == truth()
    with pytest.raises(ConfigurationError, match="no snapshots of server 'c'"):
        opened(tmp_path / "x.csv", Options(server="c", server_version=150_004))


def mixed_at_one_time(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.with_columns(calls=pl.col("calls") + 5)])


def mixed_in_turns(frame: pl.DataFrame) -> pl.DataFrame:
    one = frame.with_columns(stats_reset=pl.lit(INSTANTS[0] - timedelta(days=9)))
    other = frame.with_columns(
        pl.col("ts") + timedelta(minutes=7), stats_reset=pl.lit(INSTANTS[0] - timedelta(days=5))
    )
    return pl.concat([one, other])


def mixed_within(frame: pl.DataFrame) -> pl.DataFrame:
    odd = pl.col("queryid") > 0
    return frame.with_columns(stats_reset=pl.when(odd).then(pl.col("ts")).otherwise(INSTANTS[0]))


@pytest.mark.parametrize("mix", [mixed_at_one_time, mixed_in_turns, mixed_within])
def test_two_servers_without_names_are_noticed_by_what_one_cannot_show(
    tmp_path: Path, frame: pl.DataFrame, mix
) -> None:
    mix(frame).write_csv(tmp_path / "x.csv")
    with pytest.raises(InputError, match=r"different counters|two servers are mixed"):
        opened(tmp_path / "x.csv")


def test_the_version_is_asked_for_and_checked(tmp_path: Path, frame: pl.DataFrame) -> None:
    frame.write_csv(tmp_path / "x.csv")
    with pytest.raises(ConfigurationError, match="columns: 15 or later") as raised:
        opened(tmp_path / "x.csv", Options())
    assert "--server-version 15" in raised.value.remedy
    with pytest.raises(ConfigurationError, match="said to be of PostgreSQL 14, but it has columns"):
        opened(tmp_path / "x.csv", Options(server_version=140_000))
    told = pl.when(pl.col("ts") < INSTANTS[9]).then(pl.lit("15.4")).otherwise(pl.lit("160001"))
    frame.with_columns(server_version=told).write_csv(tmp_path / "y.csv")
    history = opened(tmp_path / "y.csv", Options())
    versions = {i.observation.server_version_num for i in history.intervals(lambda _: True)}
    assert versions == {150_004, 160_001}
    assert history.majors == {15, 16}
    history.close()


def test_the_server_s_own_evidence_is_used(tmp_path: Path, frame: pl.DataFrame) -> None:
    reset = pl.when(pl.col("ts") < INSTANTS[9]).then(INSTANTS[0]).otherwise(INSTANTS[8])
    frame.with_columns(stats_reset=reset, dealloc=pl.lit(3)).write_csv(tmp_path / "x.csv")
    history = opened(tmp_path / "x.csv")
    found = list(history.intervals(lambda _: True))
    history.close()
    assert [i.ts for i in found if i.quality == "reset"] == [INSTANTS[9]]
    assert {i.observation.statements_dealloc for i in found} == {3}


def test_texts_are_redacted_and_kept_once(tmp_path: Path) -> None:
    def text(number: int) -> str:
        return (
            "<insufficient privilege>" if number == 0 else f"SELECT 'secret{number}', $1, {number}"
        )

    frame = export(INSTANTS[:3], work(2), text=text)
    frame.write_csv(tmp_path / "x.csv")
    history = opened(tmp_path / "x.csv")
    texts = pl.concat(history.texts())
    assert texts.height == 5
    assert set(texts["query"]) == {"SELECT ?, $1, ?"}
    spooled = b"".join(p.read_bytes() for p in Path(history._spool._folder.name).iterdir())
    assert b"secret" not in spooled
    history.close()
    assert not Path(history._spool._folder.name).exists()


def test_what_the_export_cannot_give_is_told(tmp_path: Path) -> None:
    least = {"ts", "userid", "dbid", "queryid", "calls", "total_exec_time"}
    export(INSTANTS, DID, columns=least.__contains__).write_csv(tmp_path / "x.csv")
    history = opened(tmp_path / "x.csv", Options(server_version=140_000))
    notes = "\n".join(history.notes())
    assert "stay empty: blk_read_time" in notes
    assert "jit_time" not in notes  # 14 has none
    assert "no column toplevel" in notes
    assert "its rows are lower bounds" in notes
    assert "--complete" in notes
    assert counted(history) == truth()


@pytest.mark.parametrize("name", ["calls", "queryid"])
def test_a_broken_export_leaves_no_files_behind(
    tmp_path: Path, frame: pl.DataFrame, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = tmp_path / "temporary"
    folders.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folders))
    frame.drop(name).write_csv(tmp_path / "x.csv")
    with pytest.raises(PerfPipelineError, match=f"x.csv: column '{name}' is missing"):
        opened(tmp_path / "x.csv")
    assert list(folders.iterdir()) == []


def test_only_wanted_days_are_yielded_with_their_start(tmp_path: Path, frame: pl.DataFrame) -> None:
    frame.write_csv(tmp_path / "x.csv")
    history = opened(tmp_path / "x.csv")
    second = INSTANTS[-1].date()
    found = [i for i in history.intervals(lambda day: day == second) if i.day == second]
    history.close()
    assert [i.ts for i in found] == [ts for ts in INSTANTS if ts.date() == second]
    assert found[0].previous_ts == datetime(2026, 3, 2, 23, 55, tzinfo=UTC)
    assert all(i.rows.height == 6 for i in found)
