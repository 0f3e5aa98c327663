"""Tags that clients write into their statements as comments (sqlcommenter). Pure.

An instrumented application ends each statement with a comment such as
`/*action='show',controller='orders',route='%2Forders%2F%3Aid'*/`. Comments are taken out of the
texts we keep, for they may hold anything; this module keeps those tags that say which piece of code
sent a statement, and nothing about for whom.

Format: https://google.github.io/sqlcommenter/spec/ (keys and values URL-encoded, values in single
quotes, quotes within escaped by a backslash).
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote

from perf_pipeline.snapshots import values
from perf_pipeline.snapshots.values import REDACTED

#: The keys that are kept: those of the specification and its libraries that name code. Left out on
#: purpose: `traceparent`, `tracestate` and request ids (another value each time), and `tenant`,
#: `user` and the like: pg_stat_statements keeps the comment of a statement's first execution only,
#: so they would blame one customer for the work of all, and are nobody's business here.
KEPT = frozenset(
    {
        *("application", "app", "app_name", "service", "service_name", "component"),
        *("controller", "namespaced_controller", "action", "route", "job", "task"),
        *("framework", "db_driver", "source_location"),
        *("release", "version", "git_sha", "commit", "build", "deployment"),
    }
)
#: Of these, the keys that name a version of the code: its digits are what it says.
RELEASES: Final = frozenset({"release", "version", "git_sha", "commit", "build", "deployment"})
#: A commit's hash is kept as people write it.
SHORT_HASH: Final = 12
#: Longest comment looked at, and longest value kept, in characters.
LONGEST_COMMENT = 2_000
LONGEST_VALUE = 100

_PAIR = re.compile(
    r"\s*(?P<key>[^=,'\s]{1,200})\s*=\s*'(?P<value>(?:[^'\\]|\\.)*+)'\s*(?P<end>,|\Z)",
    re.DOTALL,
)
#: What names of code and routes are made of; anything else is not kept at all.
_VALUE = re.compile(r"[\w .:/#<>()\[\]{}*+$~@?^|\\-]+\Z")
#: A route ends where its query string begins; `(?P<id>...)` is a pattern.
_QUERY = re.compile(r"(?:(?<!\()\?|[&=]).*", re.DOTALL)
#: A number that stands alone in a path, or has more digits than a version or a line has.
_RELEASE = re.compile(r"[0-9A-Za-z][\w.+-]{0,63}\Z", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{7,64}\Z")
_NUMBER = re.compile(r"(?<=/)[\d.,-]+(?=/|\Z)|\d{5,}")

Tags = Mapping[str, str]


def parse(comment: str) -> dict[str, str]:
    """Return the tags of a comment in sqlcommenter's format; none of any other comment.

    Parameters
    ----------
    comment : str
        Without `/*` and `*/`.

    Returns
    -------
    dict
        Decoded, but not judged: it may hold anything.

    """
    found: dict[str, str] = {}
    position = 0
    while len(comment) <= LONGEST_COMMENT:
        match = _PAIR.match(comment, position)
        if match is None:
            return {}
        value = re.sub(r"\\(.)", r"\1", match["value"], flags=re.DOTALL)
        found[unquote(match["key"])] = unquote(value)
        position = match.end()
        if match["end"] != ",":
            return found
    return {}


def last_comment(ending: str) -> list[str]:
    """Return the comment at the very end of a text; none or one.

    Parameters
    ----------
    ending : str
        The end of a text. What ends with `*/` ends with a comment, wherever the rest was cut.

    """
    whole = ending.rstrip("; \t\r\n")
    start = whole.rfind("/*")
    return [whole[start + 2 : -2]] if start >= 0 and whole.endswith("*/") else []


def kept(comments: Iterable[str]) -> dict[str, str]:
    """Return the tags that are kept of a statement's comments, sorted by key.

    Parameters
    ----------
    comments : Iterable of str
        As `redact.scan` returns them. Of a key that occurs twice, the first value counts.

    """
    found: dict[str, str] = {}
    for comment in comments:
        for key, value in parse(comment).items():
            if key not in KEPT or key in found:
                continue
            shown = _release(value) if key in RELEASES else _shown(value)
            if shown is not None:
                found[key] = shown
    return dict(sorted(found.items()))


def _shown(value: str) -> str | None:
    """Return a value as it may be kept, None when it may not."""
    value = _QUERY.sub("", value).strip()
    if not value or len(value) > LONGEST_VALUE or not _VALUE.match(value):
        return None
    shown = _NUMBER.sub(REDACTED, values.screened(value))
    return shown if any(character.isalpha() for character in shown) else None


def _release(value: str) -> str | None:
    """Return the version of some code as it may be kept, None when it may be something else."""
    if not _RELEASE.match(value):
        return None
    if _HASH.match(value) and any(character.isalpha() for character in value):
        return value[:SHORT_HASH]
    return value if values.screened(value) == value else None


def to_json(tags: Tags) -> str:
    """Return tags as the one JSON text by which equal sets are recognised."""
    return json.dumps(tags, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
