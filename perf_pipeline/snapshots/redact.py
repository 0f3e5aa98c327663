"""Take every literal out of a statement's text. Pure.

pg_stat_statements replaces constants by `$1` in most statements, but not in all: utility statements
(before 16 all, later some) keep theirs, and so does a statement that was evicted while it ran.
Comments are kept by the server and may hold anything. So every text is treated as if nothing had
been replaced.
"""

import hashlib
import re

#: A text longer than this is cut; it is for people to recognise a statement by.
MAXIMUM_LENGTH = 10_000
CUT = " ... (cut)"
_REDACTED = "?"

#: PostgreSQL's lexical rules, in the order they are tried. An unterminated literal or comment runs
#: to the end of the text: better too much taken out than too little.
_TOKEN = re.compile(
    r"""
    (?P<line_comment>--[^\n\r]*)
  | (?P<block_comment>/\*)
  | (?P<escape_string>[eE]'(?:[^'\\]|\\.|'')*(?:'|\\?\Z))
  | (?P<string>(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|\Z))
  | (?P<dollar>\$(?P<tag>(?:[A-Za-z_\x80-\uffff][A-Za-z0-9_\x80-\uffff]*)?)\$)
  | (?P<quoted>(?:[uU]&)?"(?:[^"]|"")*(?:"|\Z))
  | (?P<parameter>\$\d+)
  | (?P<number>(?:0[xX][0-9A-Fa-f_]+|0[oO][0-7_]+|0[bB][01_]+
        |(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)\w*)
  | (?P<word>[A-Za-z_\x80-\uffff][\w$\x80-\uffff]*)
  | (?P<space>\s+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
#: What an e-mail address can be part of. Matched as a whole and then looked into: a pattern with
#: the `@` in it takes quadratic time on a long text without a blank.
_RUN = re.compile(r"[^\s\"'(),;<>]+")
#: PostgreSQL 18 writes a squashed list as `$1 /*, ... */`: no value, and it helps the reader.
_SQUASHED = "/*, ... */"
#: `SET name = word` takes words that are values: everything after it goes.
_SET_VALUE = re.compile(
    r"""
    \b(?P<set>SET\s+(?:(?:SESSION|LOCAL)\s+)?[\w.$"]+\s*(?:=|\bTO\b)\s*)[^;]+
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_SETTING_STATEMENT = re.compile(
    r"\A(?:SET\b|(?:ALTER|CREATE(?:\s+OR\s+REPLACE)?)\s+"
    r"(?:ROLE|USER|GROUP|DATABASE|SYSTEM|FUNCTION|PROCEDURE|ROUTINE)\b)",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return a statement's text with all literals replaced by `?` and comments taken out.

    Strings of every kind, dollar-quoted bodies, numbers, e-mail addresses (also within quoted
    names) and the values of settings are replaced; runs of white space become one blank. Parameters
    (`$1`) and names stay.

    Parameters
    ----------
    text : str
        As pg_stat_statements keeps it.

    Returns
    -------
    str
        At most `MAXIMUM_LENGTH` characters and the mark of a cut.

    """
    parts: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:  # pragma: no cover - the last alternative matches any character
            break
        position = match.end()
        kind = match.lastgroup
        if kind == "tag":
            kind = "dollar"
        if kind == "block_comment":
            position = _comment_end(text, match.start())
            whole = text[match.start() : position]
            parts.append(whole if whole == _SQUASHED else " ")
        elif kind == "dollar":
            end = text.find(match[0], position)
            position = len(text) if end < 0 else end + len(match[0])
            parts.append(_REDACTED)
        elif kind == "string" and "\\'" in match[0]:
            # with standard_conforming_strings off the string goes on: nobody can tell where it ends
            parts.append(_REDACTED)
            break
        else:
            parts.append(_replacement(str(kind), match[0]))
    joined = re.sub(r"\s+", " ", "".join(parts)).strip()
    if _SETTING_STATEMENT.match(joined):
        joined = _SET_VALUE.sub(lambda found: found["set"] + _REDACTED, joined)
    joined = _RUN.sub(lambda found: _REDACTED if "@" in found[0][1:-1] else found[0], joined)
    return joined if len(joined) <= MAXIMUM_LENGTH else joined[:MAXIMUM_LENGTH] + CUT


def _replacement(kind: str, token: str) -> str:
    if kind in {"line_comment", "space"}:
        return " "
    if kind in {"escape_string", "string", "number"}:
        return _REDACTED
    return token


def _comment_end(text: str, start: int) -> int:
    depth, position = 0, start
    while position < len(text):
        if text.startswith("/*", position):
            depth, position = depth + 1, position + 2
        elif text.startswith("*/", position):
            depth, position = depth - 1, position + 2
            if depth == 0:
                return position
        else:
            position += 1
    return len(text)


def text_hash(text: str) -> str:
    """Return the SHA-256 of a redacted text, in hexadecimal: its key in the store."""
    return hashlib.sha256(text.encode()).hexdigest()
