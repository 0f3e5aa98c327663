"""Figures as people read them: milliseconds, spans, factors, counts, bytes, probabilities, times.

Everything is a pure function of its argument, without locale, clock or time zone: a report is the
same bytes wherever it is rendered. A figure that is not finite or not there is an em dash.
"""

import math
import re
import unicodedata
from datetime import UTC, date, datetime

#: What stands where no figure can.
NONE = "—"

_MINUS = "\N{MINUS SIGN}"
_TIMES = "\N{MULTIPLICATION SIGN}"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SPANS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000))
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")
#: Characters that reorder text on the screen (Unicode TR 9): shown, not obeyed.
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
#: These, lone surrogates, and controls (Unicode's Cc) but line end and tab.
_UNSAFE = re.compile(f"[{_BIDI}\ud800-\udfff\x00-\x08\x0b-\x1f\x7f-\x9f]")


def number(value: float | None, digits: int = 3) -> str:
    """Return a figure with `digits` significant digits and thousands separators.

    Parameters
    ----------
    value : float or None
    digits : int
        Significant digits of values below `10 ** digits`; larger ones are whole.

    """
    if value is None or not math.isfinite(value):
        return NONE
    size = abs(value)
    if size == 0:
        return "0"
    sign = _MINUS if value < 0 else ""
    if size >= 1e15 or size < 1e-6:
        mantissa, exponent = f"{size:.{digits - 1}e}".split("e")
        return f"{sign}{mantissa} {_TIMES} 10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    # the decimals that leave `digits` significant ones, counted after rounding (9.996 -> 10.0)
    magnitude = int(f"{size:.{digits - 1}e}".split("e")[1])
    return f"{sign}{size:,.{max(0, digits - 1 - magnitude)}f}"


def ms(value: float | None) -> str:
    """Return a latency given in milliseconds: `0.042 ms`, `7.70 ms`, `1.24 s`, `3 min 12 s`."""
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) < 999.5:
        return f"{number(value)} ms"
    if abs(value) < 59_950:
        return f"{number(value / 1000)} s"
    return duration(value)


def duration(value: float | None) -> str:
    """Return a span given in milliseconds in its two largest units: `2 h 14 min`.

    Shorter than a minute, it is seconds or milliseconds with three significant digits.
    """
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) < 59_950:
        return ms(value)
    sign, rest = (_MINUS if value < 0 else ""), abs(value)
    if rest >= 1000 * 86_400_000:
        return f"{sign}{number(rest / 86_400_000)} d"
    index = next((i for i, (_, unit) in enumerate(_SPANS[:-1]) if rest >= unit), 2)
    (name, large), (small_name, small) = _SPANS[index], _SPANS[index + 1]
    units = math.floor(rest / small + 0.5)
    if index and units * small >= _SPANS[index - 1][1]:  # 59 min 59.6 s is an hour
        return f"{sign}1 {_SPANS[index - 1][0]}"
    whole, part = divmod(max(units, large // small), large // small)
    words = f"{sign}{whole} {name}"
    return f"{words} {part} {small_name}" if part else words


def signed_duration(value: float | None) -> str:
    """Return `duration` with its sign in front: `+2 h 14 min`."""
    text = duration(value)
    return f"+{text}" if value is not None and math.isfinite(value) and value > 0 else text


def factor(value: float | None) -> str:
    """Return a ratio, `18.3` and a times sign; without limit (something became nothing): `∞`."""
    if value is None or math.isnan(value):
        return NONE
    return "∞" if math.isinf(value) else f"{number(value)}{_TIMES}"


def percent(share: float | None) -> str:
    """Return a share (1 is all) in percent: `0.04 %`, `12.3 %`, `100 %`."""
    if share is None or not math.isfinite(share * 100):
        return NONE
    value = share * 100
    if 0 < abs(value) < 0.005:
        return "< 0.01 %" if value > 0 else f"> {_MINUS}0.01 %"
    decimals = 2 if abs(value) < 1 else 1
    text = f"{abs(value):,.{decimals}f}".rstrip("0").rstrip(".")
    return f"{_MINUS if value < 0 else ''}{text} %"


def count(value: float | None) -> str:
    """Return a number of things: `0.4`, `950`, `12,300`, `4.56 million`."""
    if value is None or not math.isfinite(value):
        return NONE
    size = abs(value)
    if size >= 999_500_000:
        return f"{number(value / 1e9)} billion"
    if size >= 999_500:
        return f"{number(value / 1e6)} million"
    return (
        f"{value:,.0f}".replace("-", _MINUS)
        if size >= 99.5 or value == int(value)
        else number(value)
    )


def size(value: float | None) -> str:
    """Return bytes in powers of 1024: `512 B`, `1.50 GB`."""
    if value is None or not math.isfinite(value):
        return NONE
    rest, unit = float(value), 0
    while abs(rest) >= 1023.5 and unit < len(_BYTES) - 1:
        rest, unit = rest / 1024, unit + 1
    return f"{number(rest) if unit else count(rest)} {_BYTES[unit]}"


def probability(value: float | None) -> str:
    """Return a p or q value: `0.021`, or with a power of ten; an underflown zero is a bound."""
    if value is None or not math.isfinite(value):
        return NONE
    if value <= 0:
        return "< 10⁻³⁰⁰"
    if value >= 0.001:
        return f"{min(value, 1.0):.2g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa} {_TIMES} 10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def naive(ts: datetime) -> datetime:
    """Return an instant as naive UTC."""
    return ts.astimezone(UTC).replace(tzinfo=None) if ts.tzinfo else ts


def clock(ts: datetime, day: date | None = None) -> str:
    """Return an instant as `12:04:11`, with its date in front unless it lies on `day`."""
    ts = naive(ts)
    return f"{ts:%H:%M:%S}" if ts.date() == day else f"{ts.date().isoformat()} {ts:%H:%M:%S}"


def instant(text: str | None, day: date | None = None) -> str:
    """Return an ISO instant that came as text by `clock`; text that is none stays as it is."""
    if not text:
        return ""
    try:
        return clock(datetime.fromisoformat(text), day)
    except ValueError:
        return clean(text)


def plural(amount: int, singular: str, many: str | None = None) -> str:
    """Return `1 statement`, `2 statements`."""
    return f"{count(amount)} {singular if amount == 1 else many or singular + 's'}"


def clean(text: str) -> str:
    """Return text that is safe to show: controls and reordering marks become visible.

    Line ends and tabs stay. A lone surrogate (never out of PostgreSQL) becomes U+FFFD, so that the
    page can always be encoded.
    """
    return _UNSAFE.sub(_visible, text)


def _visible(found: re.Match[str]) -> str:
    character = found[0]
    if unicodedata.category(character) in {"Cc", "Cs"}:
        return "\N{REPLACEMENT CHARACTER}"
    return f"⟨U+{ord(character):04X}⟩"
