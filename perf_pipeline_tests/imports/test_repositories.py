"""PoWA and pg_profile, in each layout they had: what ran is what is counted."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import psycopg
import pytest

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.imports import opening, powa, reading
from perf_pipeline.imports.model import History
from perf_pipeline.imports.opening import open_history, options
from perf_pipeline_tests.imports.repositories import fill_powa, fill_profile, lay_out
from perf_pipeline_tests.imports.support import DBID, Work, export, hours, work

pytestmark = pytest.mark.server

INSTANTS = hours(27)
DID = work(26, 3)
FRAME = export(INSTANTS, DID)
IDS = FRAME["queryid"][:3].to_list()


def opened(url: str, **chosen: str) -> History:
    return open_history([url], options(**chosen))


def counted(history: History) -> dict[tuple[datetime, int], tuple[int, float]]:
    with closing(history):
        return {
            (interval.ts, row["queryid"]): (row["calls"], row["total_exec_time"])
            for interval in history.intervals(lambda _: True)
            for row in interval.rows.to_dicts()
        }


def truth(did: Work = DID) -> dict[tuple[datetime, int], tuple[int, object]]:
    return {
        (INSTANTS[i + 1], queryid): (int(did.calls[i, j]), pytest.approx(did.total_ms[i, j]))
        for i in range(did.calls.shape[0])
        for j, queryid in enumerate(IDS)
    }


# --- PoWA -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["powa_41", "powa_42", "powa_50"])
def test_powa_packed_or_not_gives_what_ran(
    make_database: Callable[..., str], layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database()
    lay_out(url, layout, "powa")
    fill_powa(url, "powa", {3: FRAME})
    monkeypatch.setattr(powa, "GROUP_ROWS", 21)  # seven snapshots at a time
    history = opened(url)
    assert history.name == "PoWA (no extension), server host3, database db16384"
    assert list(history.instants) == INSTANTS
    assert history.majors == {15}
    texts = pl.concat(history.texts())
    assert texts.sort("query").row(0) == (10, DBID, IDS[0], "SELECT * FROM t0 WHERE id = $1")
    rows = next(i.rows for i in history.intervals(lambda _: True) if i.rows.height)
    assert rows["rows"].to_list() == (3 * rows["calls"]).to_list()
    assert rows["exec_time_squares"].null_count() == 3
    assert rows["jit_time"].null_count() == (0 if layout == "powa_50" else 3)
    assert counted(history) == truth()


def test_powa_writes_zero_for_what_an_old_server_does_not_have(
    make_database: Callable[..., str],
) -> None:
    url = make_database()
    lay_out(url, "powa_50", "powa")
    fill_powa(url, "powa", {3: FRAME[:6]}, version="14.9", generation=1)
    with closing(opened(url)) as history:
        rows = list(history.intervals(lambda _: True))[1].rows
    assert rows["jit_time"].to_list() == [None] * 3


def test_a_server_and_a_database_are_chosen(make_database: Callable[..., str]) -> None:
    url = make_database()
    lay_out(url, "powa_50", "public")
    other = FRAME.with_columns(dbid=pl.lit(7, pl.Int64), calls=pl.col("calls") + 1)
    fill_powa(url, "public", {0: FRAME, 4: pl.concat([FRAME, other])}, version=None)
    with pytest.raises(ConfigurationError, match=r"several servers: <local> \(0\), host4 \(4\)"):
        opened(url)
    with pytest.raises(ConfigurationError, match="no server 'x'"):
        opened(url, server="x")
    with pytest.raises(ConfigurationError, match=r"several databases: db7 \(7\), db16384"):
        opened(url, server="4")
    with pytest.raises(ConfigurationError, match="does not say which PostgreSQL") as raised:
        opened(url, server="host4", database="db7")
    assert "--server-version" in raised.value.remedy
    history = opened(url, server="host4", database="db16384", server_version="16")
    assert history.majors == {16}
    assert counted(history) == truth()
    # number 0 is the server that holds the repository
    with closing(opened(url, server="0")) as local, psycopg.connect(url) as connection:
        assert local.majors == {connection.info.server_version // 10_000}


def test_entries_that_powa_41_cannot_tell_apart_are_added_up(
    make_database: Callable[..., str],
) -> None:
    url = make_database()
    lay_out(url, "powa_41", "public")
    nested = FRAME.with_columns(calls=pl.col("calls") * 3, toplevel=pl.lit(value=False))
    fill_powa(url, "public", {1: pl.concat([FRAME, nested])})
    found = counted(opened(url))
    assert {key: calls for key, (calls, _) in found.items()} == {
        (INSTANTS[i + 1], queryid): 4 * int(DID.calls[i, j]) + 0
        for i in range(26)
        for j, queryid in enumerate(IDS)
    }


def test_a_slow_repository_is_read_in_smaller_parts(
    make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database()
    lay_out(url, "powa_50", "powa")
    fill_powa(url, "powa", {3: FRAME})
    sizes: list[int] = []
    real = reading.Repository.frame

    def frame(self: reading.Repository, name: str, schema, params):
        if name.startswith("powa_rows"):
            sizes.append((params["last"] - params["first"]) // timedelta(hours=1) + 1)
            if sizes[-1] > 4:
                raise reading.TooSlowError("too slow", "")
        return real(self, name, schema, params)

    monkeypatch.setattr(reading.Repository, "frame", frame)
    assert counted(opened(url)) == truth()
    assert sizes[:4] == [27, 13, 6, 3]


def test_the_limits_hold_and_are_told(
    make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database()
    lay_out(url, "powa_50", "powa")
    fill_powa(url, "powa", {3: FRAME[:18]}, generation=4)
    monkeypatch.setenv("PERF_STATEMENT_TIMEOUT_MS", "200")
    settings.current.cache_clear()
    with psycopg.connect(url) as connection:
        connection.execute(
            "ALTER TABLE powa.powa_statements_history_current RENAME TO hidden;"
            "CREATE VIEW powa.powa_statements_history_current AS"
            " SELECT h.* FROM powa.hidden AS h, pg_sleep(9)"
        )
    with (
        closing(opened(url)) as history,
        pytest.raises(reading.TooSlowError, match="did not end") as raised,
    ):
        list(history.intervals(lambda _: True))
    assert "PERF_STATEMENT_TIMEOUT_MS" in raised.value.remedy


def test_nothing_is_written_and_what_may_not_be_read_is_told(
    make_database: Callable[..., str], server
) -> None:
    url = make_database()
    lay_out(url, "pg_profile_47", "profile")
    fill_profile(url, "profile", INSTANTS[:3], DID)
    repository = reading.Repository(url)
    with closing(repository), pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        repository._connection.execute("CREATE TABLE x (n int)")
    name = url.rpartition("/")[2]
    with psycopg.connect(url) as connection:
        connection.execute(f"CREATE ROLE reader_{name} LOGIN PASSWORD 'only-reads'")
    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
        limited = f"postgresql://reader_{name}:only-reads@{parts['host']}:{parts['port']}/{name}"
        with pytest.raises(ConfigurationError, match="permission denied") as raised:
            opened(limited)
        assert "grant this role SELECT" in raised.value.remedy
    finally:
        with psycopg.connect(url) as connection:
            connection.execute(f"DROP ROLE reader_{name}")


def test_an_empty_repository_and_none_at_all(make_database: Callable[..., str]) -> None:
    url = make_database()
    with pytest.raises(ConfigurationError, match="no PoWA or pg_profile repository"):
        opened(url)
    lay_out(url, "powa_50", "powa")
    with pytest.raises(ConfigurationError, match="no history of any server"):
        opened(url)
    lay_out(url, "pg_profile_40", "profile")
    with pytest.raises(ConfigurationError, match="several repositories"):
        opened(url)
    with pytest.raises(ConfigurationError, match="no history of any server"):
        open_history([url], options(), "pg_profile")
    with pytest.raises(ConfigurationError, match="nothing can be named beside it"):
        open_history([url, "x.csv"], options())


# --- pg_profile -----------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["pg_profile_40", "pg_profile_42", "pg_profile_47"])
def test_pg_profile_gives_what_ran(make_database: Callable[..., str], layout: str) -> None:
    url = make_database()
    lay_out(url, layout, "profile")
    fill_profile(url, "profile", INSTANTS, DID)
    history = opened(url)
    assert history.name == "pg_profile (no extension), server local, database shop"
    assert list(history.instants) == INSTANTS
    assert list(history.baselines) == [INSTANTS[0]]
    found = list(history.intervals(lambda _: True))
    seen = found[1].observation
    assert seen.system_identifier == 77
    assert seen.postmaster_start == datetime(2026, 3, 1, 10, 0, 0, 500_000, tzinfo=UTC)
    assert seen.server_version_num == (170_002 if layout == "pg_profile_47" else 150_004)
    squares = found[1].rows["exec_time_squares"].to_list()
    ordered = np.argsort(IDS)
    assert squares == pytest.approx((DID.total_ms[0] ** 2 / DID.calls[0])[ordered])
    assert {q for i in found for q in i.rows["quality"]} == {"lower_bound"}
    assert pl.concat(history.texts()).height == 3
    assert counted(history) == truth()


def test_what_stats_since_proves_is_exact_and_what_was_cut_is_told(
    make_database: Callable[..., str],
) -> None:
    url = make_database()
    lay_out(url, "pg_profile_47", "profile")
    fill_profile(url, "profile", INSTANTS[:4], DID, kept=2, since=INSTANTS[0] - timedelta(days=1))
    with closing(opened(url)) as history:
        found = list(history.intervals(lambda _: True))
    assert [i.quality for i in found] == ["first_seen", *["lower_bound"] * 3]
    assert {q for i in found for q in i.rows["quality"]} == {"exact"}
    assert [i.rows.height for i in found] == [0, 2, 2, 2]
    assert found[1].notes[0].startswith("2 of 3 statements kept")


def test_a_sample_after_one_that_is_missing_counts_nothing(
    make_database: Callable[..., str],
) -> None:
    url = make_database()
    lay_out(url, "pg_profile_42", "profile")
    fill_profile(url, "profile", INSTANTS[:8], DID, without=[4])
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM profile.samples WHERE sample_id = 7")
    history = opened(url)
    # the first, the one without statements and the one after it, the one after the deleted one
    assert sorted(history.baselines) == [INSTANTS[n] for n in (0, 3, 4, 7)]
    assert {ts for ts, _ in counted(history)} == {INSTANTS[n] for n in (1, 2, 5)}


def test_the_files_have_every_option_the_command_has() -> None:
    chosen = opening.options(timezone="Europe/Berlin", server_version="15.4", complete=True)
    assert (str(chosen.timezone), chosen.server_version, chosen.complete) == (
        "Europe/Berlin",
        150_004,
        True,
    )
    with pytest.raises(ConfigurationError, match="no time zone 'Mars/Base'"):
        opening.options(timezone="Mars/Base")
