from datetime import date, timedelta

from perf_pipeline.imports.model import DaySummary, Summary
from perf_pipeline.imports.words import hints, lines, version_note

FIRST = date(2026, 3, 1)


def day(offset: int, action: str, **more: object) -> DaySummary:
    return DaySummary(FIRST + timedelta(days=offset), action, 24, **more)  # type: ignore[arg-type]


SUMMARY = Summary(
    target="shop",
    source="x.csv",
    dry_run=False,
    days=(
        day(0, "import", intervals=23, rows=90, qualities={"exact": 60, "gap": 30}),
        day(1, "import", intervals=24, rows=10, qualities={"gap": 10}, overlapping=2),
        day(2, "there"),
        day(4, "collected"),
        day(6, "collected"),
    ),
    statements=1_234,
    texts=7,
    notes=("something",),
    hints=("do it",),
)


def test_every_day_is_accounted_for() -> None:
    assert list(lines(SUMMARY)) == [
        "x.csv -> target shop",
        "  2 days (2026-03-01 to 2026-03-02): imported",
        "    47 intervals, 100 rows, 1,234 statements, 7 texts",
        "    2 intervals left out: their time is in the ledger already",
        "  1 day (2026-03-03): in the ledger already",
        "  2 days (2026-03-05, 2026-03-07): left alone: they have collected sweeps, which win",
        "  quality: 60.0% exact, 40.0% gap",
        "  note: something",
        "  next: do it",
    ]


def test_a_dry_run_says_would() -> None:
    dry = Summary(**{**vars(SUMMARY), "dry_run": True})
    assert "would be imported" in list(lines(dry))[1]


def test_many_spans_are_not_all_listed() -> None:
    holes = tuple(day(2 * n, "collected") for n in range(9))
    text = "\n".join(lines(Summary(**{**vars(SUMMARY), "days": holes})))
    assert "and 4 more spans" in text


def test_no_snapshots_are_told() -> None:
    nothing = Summary("shop", "x.csv", False, (), 0, 0, ())
    assert list(lines(nothing)) == ["x.csv -> target shop", "  no snapshots"]


def test_the_json_holds_plain_values() -> None:
    plain = SUMMARY.as_dict()
    assert (plain["intervals"], plain["rows"], plain["qualities"]) == (
        47,
        100,
        {"exact": 60, "gap": 40},
    )
    assert plain["days"][0]["day"] == "2026-03-01"


def test_another_major_is_told_and_the_same_is_not() -> None:
    assert version_note({15}, 15) is None
    assert version_note({15}, None) is None
    assert "from PostgreSQL 14, 15, the target runs 18" in str(version_note({14, 15, 18}, 18))


def test_a_history_start_after_the_first_day_is_to_be_moved() -> None:
    later = hints("shop", FIRST, FIRST + timedelta(days=9), FIRST + timedelta(days=4))
    assert 'set history_start: "2026-03-01" (now "2026-03-05")' in later[0]
    assert "shop/rollup/statements_hourly" in later[1]
    assert len(hints("shop", FIRST, FIRST, FIRST)) == len(hints("shop", FIRST, FIRST, None)) == 1
