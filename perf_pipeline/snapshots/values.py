"""Values in places where names belong: recognise them, and take them out. Pure.

A name may be anything between double quotes, and people do write an address or a token there:
`AS "bob@example.org"`, a schema per customer, a savepoint named by a request. Nobody can tell the
password `spring` from the column `spring`; what this module takes out has the shape of a value: an
e-mail address, a UUID, nine digits in a row (account, card and telephone numbers; dates have
eight), or the mixture of letters and digits of a token.
"""

import re
from collections.abc import Collection

import polars as pl

#: Stands for whatever was taken out.
REDACTED = "?"

#: As many characters as PostgreSQL keeps of a name: what is longer is no name.
NAME_LENGTH = 63

#: What an e-mail address can be part of. Matched as a whole and then looked into: a pattern with
#: the `@` in it takes quadratic time on a long text without a blank.
_RUN = re.compile(r"[\w.%+@-]+")
_ADDRESS = re.compile(r"\w@\w")
_UUID = re.compile(r"[0-9a-f]{8}(?:([-_])[0-9a-f]{4})(?:\1[0-9a-f]{4}){2}\1[0-9a-f]{12}", re.I)
_DIGITS = re.compile(r"\d{9,}")
_LONG = re.compile(r"[A-Za-z0-9]{16,}")
_HEXADECIMAL = re.compile(r"[0-9a-f]+\Z", re.I)
_SWITCH = re.compile(r"(?<=[0-9])[A-Za-z]|(?<=[A-Za-z])[0-9]")
#: Digits with what people write between them.
_SPACED_DIGITS = re.compile(r"\d(?:[ ().+/-]*\d){8,}")

#: Whether a text needs a closer look at all, for polars (Rust's regular expressions).
_SUSPICIOUS = r"@|\d{9}|[A-Za-z0-9]{16}|[0-9A-Fa-f]{8}[-_][0-9A-Fa-f]{4}[-_]"
_SUSPICION = re.compile(_SUSPICIOUS, re.ASCII)
#: Up to so many texts Python is faster than starting Polars.
_FEW = 100


def screened(text: str) -> str:
    """Return a name, or a short text with names in it, without what has the shape of a value.

    Parameters
    ----------
    text : str

    """
    if "@" in text:
        text = _RUN.sub(lambda run: REDACTED if _ADDRESS.search(run[0]) else run[0], text)
    text = _UUID.sub(REDACTED, text)
    text = _LONG.sub(lambda run: REDACTED if is_token(run[0]) else run[0], text)
    return _DIGITS.sub(REDACTED, text)


def quoted_name(name: str) -> str:
    """Return a name that needed double quotes, without values; `?` when nothing of it may stay.

    Parameters
    ----------
    name : str
        Without the quotes.

    """
    if len(name) > NAME_LENGTH or "\n" in name or "://" in name or _SPACED_DIGITS.search(name):
        return REDACTED
    return REDACTED if _ADDRESS.search(name) else screened(name)


def is_token(run: str) -> bool:
    """Whether letters and digits without a break look drawn by lot: a key, a hash, a session.

    Parameters
    ----------
    run : str
        ASCII letters and digits only.

    """
    letters = sum(character.isalpha() for character in run)
    if len(run) < 16 or letters in {0, len(run)}:
        return False
    switches = len(_SWITCH.findall(run))
    return switches >= 3 or run.isupper() or _HEXADECIMAL.match(run) is not None


def screened_columns(frame: pl.DataFrame, keep: Collection[str] = ()) -> pl.DataFrame:
    """Return a frame with its text columns screened.

    Parameters
    ----------
    frame : polars.DataFrame
    keep : Collection of str
        Columns that hold no names and are left as they are.

    """
    texts = [name for name, kind in frame.schema.items() if kind == pl.String and name not in keep]
    suspects = [name for name in texts if _has_suspects(frame[name])]
    if not suspects:
        return frame
    return frame.with_columns(
        pl.Series(
            name, [None if text is None else screened(text) for text in frame[name]], pl.String
        )
        for name in suspects
    )


def _has_suspects(column: pl.Series) -> bool:
    if column.len() > _FEW:
        return bool(column.str.contains(_SUSPICIOUS).any())
    return any(_SUSPICION.search(text) for text in set(column.drop_nulls().to_list()))
