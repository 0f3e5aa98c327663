"""Take every literal out of a statement's text. Pure.

pg_stat_statements replaces constants by `$1` in most statements, but not in all: utility statements
(before 16 all, later some) keep theirs, and so does a statement that was evicted while it ran.
Comments are kept by the server and may hold anything. So every text is treated as if nothing had
been replaced.
"""

import hashlib
import re
from dataclasses import dataclass

from perf_pipeline.snapshots import values
from perf_pipeline.snapshots.values import REDACTED

#: A text longer than this is cut; it is for people to recognise a statement by.
MAXIMUM_LENGTH = 10_000
CUT = " ... (cut)"

#: PostgreSQL's lexical rules, in the order they are tried. What needs no look is one token, however
#: long: words, parameters, operators, blanks and plain quoted names. An unterminated literal or
#: comment runs to the end of the text: better too much taken out than too little. Any character
#: from \x80 on may be part of a name or of a dollar quote's tag. Possessive throughout: no
#: backtracking, whatever the text.
_TOKEN = re.compile(
    r"""
    (?P<plain>(?:
        (?![eE]'|[bBxXnN]'|[uU]&['"])[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*+
      | \$\d++
      | "[A-Za-z_][A-Za-z0-9_]{0,62}+"(?!")
      | [^\S\x80-\U0010ffff]++
      | [^\s\w'"$/.\\\x80-\U0010ffff-]++
      | -(?!-) | /(?!\*) | \.(?!\d)
    )++)
  | (?P<line_comment>--[^\n\r]*+)
  | (?P<block_comment>/\*)
  | (?P<escape_string>[eE]'(?:[^'\\]++|\\.|'')*+(?:'|\\?\Z))
  | (?P<string>(?:[bBxXnN]|[uU]&)?'(?:[^']++|'')*+(?:'|\Z))
  | (?P<dollar>\$(?P<tag>(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*+)?)\$)
  | (?P<quoted>(?P<escaped>[uU]&)?"(?P<name>(?:[^"]++|"")*+)(?P<end>"|\Z))
  | (?P<number>(?:0[xX][0-9A-Fa-f_]++|0[oO][0-7_]++|0[bB][01_]++
        |(?:\d[\d_]*+(?:\.[\d_]*+)?|\.\d[\d_]*+)(?:[eE][+-]?\d++)?)[\w\x80-\U0010ffff]*+)
  | (?P<backslash>\\)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_AFTER_AS = re.compile(r"\bAS\s*\Z", re.IGNORECASE)
#: PostgreSQL 18 writes a squashed list as `$1 /*, ... */`: no value, and it helps the reader.
_SQUASHED = ", ... "
#: Words that are values, and what they follow: everything after it goes. A setting's value may be
#: a bare word, and so may an argument of a trigger's function.
_SET = re.compile(r"(?P<kept>\bSET\s[^;]*?(?:=|\bTO\b))\s*[^\s;].*", re.IGNORECASE | re.DOTALL)
_SETTING_STATEMENT = re.compile(
    r"\A(?:SET\b|(?:ALTER|CREATE(?:\s+OR\s+REPLACE)?)\s+"
    r"(?:ROLE|USER|GROUP|DATABASE|SYSTEM|FUNCTION|PROCEDURE|ROUTINE)\b)",
    re.IGNORECASE,
)
_TRIGGER_ARGUMENTS = re.compile(
    r"(?P<kept>\bEXECUTE\s+(?:FUNCTION|PROCEDURE)\b[^(]*\()\s*[^\s)].*", re.IGNORECASE | re.DOTALL
)
_TRIGGER_STATEMENT = re.compile(
    r"\ACREATE\s+(?:OR\s+REPLACE\s+)?(?:CONSTRAINT\s+)?TRIGGER\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Scanned:
    """A statement's text taken apart.

    Attributes
    ----------
    text : str
        What `redact` returns.
    comments : tuple of str
        Its block comments as they were sent, without `/*` and `*/`: they may hold anything, and
        must not be kept as they are.

    """

    text: str
    comments: tuple[str, ...]


def redact(text: str) -> str:
    """Return a statement's text with all literals replaced by `?` and comments taken out.

    Strings of every kind, dollar-quoted bodies, numbers, the values of settings and of triggers'
    arguments are replaced, and what has the shape of a value in a name (`values`); runs of white
    space become one blank. Parameters (`$1`) and names stay.

    Parameters
    ----------
    text : str
        As pg_stat_statements keeps it.

    Returns
    -------
    str
        At most `MAXIMUM_LENGTH` characters and the mark of a cut.

    """
    return scan(text).text


def scan(text: str) -> Scanned:
    """Return a statement's redacted text, as `redact` does, and the comments it held."""
    parts: list[str] = []
    comments: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:  # pragma: no cover - the last alternative matches any character
            break
        start, position = position, match.end()
        kind = match.lastgroup
        if kind in {"plain", "other"}:
            parts.append(match[0])
        elif kind == "block_comment":
            position, closed = _comment_end(text, start)
            body = text[start + 2 : position - 2 if closed else position]
            comments.append(body)
            parts.append(f"/*{body}*/" if body == _SQUASHED else " ")
        elif kind == "line_comment":
            parts.append(" ")
        elif kind == "quoted":
            parts.append(_quoted(match, parts))
        elif kind == "backslash" or (kind == "string" and "\\'" in match[0]):
            # No SQL has a backslash between its tokens. In a string, with
            # standard_conforming_strings off, `\'` goes on: nobody can tell where that one ends.
            parts.append(REDACTED)
            break
        else:
            if kind == "dollar":
                end = text.find(match[0], position)
                position = len(text) if end < 0 else end + len(match[0])
            parts.append(REDACTED)
    return Scanned(_finished(" ".join("".join(parts).split())), tuple(comments))


def _quoted(match: re.Match[str], parts: list[str]) -> str:
    """Return a quoted name as it may be shown: an alias may be any text, other names exist."""
    name = match["name"]
    shown = REDACTED if match["escaped"] or not match["end"] else values.quoted_name(name)
    is_alias = _AFTER_AS.search("".join(parts[-3:])[-8:]) is not None
    if is_alias and not _PLAIN_NAME.match(name):
        shown = REDACTED
    return f'"{shown}"'


def _finished(joined: str) -> str:
    """Take out values that only the whole statement shows, and cut it."""
    for statement, value in (
        (_SETTING_STATEMENT, _SET),
        (_TRIGGER_STATEMENT, _TRIGGER_ARGUMENTS),
    ):
        if statement.match(joined):
            joined = value.sub(lambda found: f"{found['kept']} {REDACTED}", joined, count=1)
    joined = values.screened(joined)
    return joined if len(joined) <= MAXIMUM_LENGTH else joined[:MAXIMUM_LENGTH] + CUT


def _comment_end(text: str, start: int) -> tuple[int, bool]:
    """Return where a comment, and those nested in it, end, and whether they do."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end(), True
    return len(text), False


def text_hash(text: str) -> str:
    """Return the SHA-256 of a redacted text, in hexadecimal: its key in the store."""
    return hashlib.sha256(text.encode()).hexdigest()
