import math
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.reports import units

anything = st.floats(allow_nan=True, allow_infinity=True)
TIMES = "\N{MULTIPLICATION SIGN}"
MINUS = "\N{MINUS SIGN}"
#: Classes of characters that reorder text (Unicode TR 9).
MOVING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0421, "0.0421"),
        (7.7, "7.70"),
        (9.996, "10.0"),
        (999.6, "1,000"),
        (12345.6, "12,346"),
        (-0.5, f"{MINUS}0.500"),
        (1e-9, f"1.00 {TIMES} 10⁻⁹"),
        (2.5e18, f"2.50 {TIMES} 10¹⁸"),
        (math.nan, units.NONE),
        (math.inf, units.NONE),
        (None, units.NONE),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert units.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.042, "0.0420 ms"),
        (7.7, "7.70 ms"),
        (1240, "1.24 s"),
        (59_940, "59.9 s"),
        (59_999, "1 min"),
        (192_000, "3 min 12 s"),
        (3_599_600, "1 h"),
        (8_044_400, "2 h 14 min"),
        (84_960_000, "23 h 36 min"),
        (86_399_999, "1 d"),
        (277_000_000, "3 d 5 h"),
        (-8_044_400, f"{MINUS}2 h 14 min"),
        (1e14, "1,157,407 d"),
    ],
)
def test_duration(value: float, text: str) -> None:
    assert units.duration(value) == text
    assert units.ms(value) == text


@given(anything)
def test_every_figure_has_a_text(value: float) -> None:
    for function in (
        *(units.number, units.ms, units.duration, units.signed_duration, units.factor),
        *(units.percent, units.count, units.size, units.probability),
    ):
        text = function(value)
        assert text
        assert "nan" not in text
        assert "inf" not in text
        assert "e+" not in text


@given(st.floats(min_value=60_000, max_value=80 * 86_400_000))
def test_a_duration_is_right_to_half_its_smaller_unit(value: float) -> None:
    sizes = {"d": 86_400_000, "h": 3_600_000, "min": 60_000, "s": 1000}
    words = units.duration(value).split()
    total = sum(
        int(amount) * sizes[unit] for amount, unit in zip(words[::2], words[1::2], strict=True)
    )
    order = list(sizes)
    smaller = sizes[order[min(order.index(words[1]) + 1, 3)]]
    assert abs(total - value) <= smaller / 2


def test_signs_shares_factors_counts_bytes() -> None:
    assert units.signed_duration(60_000) == "+1 min"
    assert units.signed_duration(-60_000) == f"{MINUS}1 min"
    assert units.factor(18.33) == f"18.3{TIMES}"
    assert units.factor(math.inf) == "∞"
    assert [units.percent(v) for v in (0, 0.00001, 0.0004, 0.123, 1, -0.5)] == [
        *("0 %", "< 0.01 %", "0.04 %", "12.3 %", "100 %", f"{MINUS}50 %")
    ]
    assert [units.count(v) for v in (0, 0.4, 950, 12_300, 4_560_000, 7e9)] == [
        *("0", "0.400", "950", "12,300", "4.56 million", "7.00 billion")
    ]
    assert [units.size(v) for v in (0, 512, 1023.9, 1 << 30)] == [
        *("0 B", "512 B", "1.00 kB", "1.00 GB")
    ]
    assert units.plural(1, "statement") == "1 statement"
    assert units.plural(2, "entry", "entries") == "2 entries"


def test_probability() -> None:
    assert units.probability(0.0213) == "0.021"
    assert units.probability(3.14e-9) == f"3.1 {TIMES} 10⁻⁹"
    assert units.probability(0) == "< 10⁻³⁰⁰"
    assert units.probability(1) == "1"


def test_instants() -> None:
    day = date(2026, 11, 21)
    east = datetime(2026, 11, 21, 14, 4, 11, tzinfo=timezone(timedelta(hours=2)))
    assert units.clock(east, day) == "12:04:11"
    assert units.clock(east) == "2026-11-21 12:04:11"
    assert units.naive(east) == datetime(2026, 11, 21, 12, 4, 11)
    assert units.instant("2026-11-21T12:04:09Z", day) == "12:04:09"
    assert units.instant(datetime(2026, 11, 20, tzinfo=UTC).isoformat(), day).startswith("2026-11")
    assert units.instant("soon\u202e", day) == "soon⟨U+202E⟩"
    assert units.instant(None) == ""


@given(st.text(st.characters(exclude_categories=[])))
def test_cleaned_text_can_be_encoded_and_obeys_no_control(text: str) -> None:
    cleaned = units.clean(text)
    cleaned.encode()
    assert not any(ord(c) < 32 and c not in "\n\t" for c in cleaned)
    assert "\u202e" not in cleaned
    assert units.clean(cleaned) == cleaned


def test_every_control_and_reordering_mark_becomes_visible_and_nothing_else_changes() -> None:
    for code in range(0x3000):
        character = chr(code)
        kept = units.clean(f"a{character}b") == f"a{character}b"
        control = unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t"
        moves = unicodedata.bidirectional(character) in MOVING or character in "\u061c\u200e\u200f"
        assert kept == (not (control or moves)), hex(code)
    assert units.clean("\ud800") == "\N{REPLACEMENT CHARACTER}"
