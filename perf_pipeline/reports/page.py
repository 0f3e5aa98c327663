"""What every page of ours has in common: its templates, safe texts, its hash, and its Markdown."""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from html import escape

import jinja2

from perf_pipeline.reports import arrange, svg, units, words

#: A page must open at once and travel by mail.
MAX_BYTES = 1_000_000

_HASH_PLACE = '<code id="content-hash">{}</code>'
NO_HASH = "0" * 64


@cache
def environment() -> jinja2.Environment:
    """Return the environment of our templates: every text escaped and cleaned."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("perf_pipeline.reports", "templates"),
        autoescape=True,
        # every text that a template prints, whoever wrote the template
        finalize=lambda value: units.clean(value) if type(value) is str else value,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # or each rendering looks whether a file has changed
    )
    made.filters.update(
        ms=units.ms,
        duration=units.duration,
        signed=units.signed_duration,
        count=units.count,
        percent=units.percent,
        bytes=units.size,
        probability=units.probability,
        clock=units.clock,
        instant=units.instant,
        clean=units.clean,
        label=words.label,
        tags=words.tags,
        cut=cut,
    )
    made.globals.update(
        level=words.level,
        metric_name=words.metric_name,
        tier=words.tier,
        factor=words.factor,
        factor_interval=words.factor_interval,
        level_interval=words.level_interval,
        change=words.change,
        cause=words.cause,
        plural=units.plural,
        title_of=arrange.title,
        sparkline=svg.sparkline,
        max_evidence=arrange.MAX_EVIDENCE,
    )
    return made


def template(name: str, values: Mapping[str, object]) -> str:
    """Render `templates/<name>`, the place of its hash filled with zeros."""
    return environment().get_template(name).render(no_hash=NO_HASH, **values)


def cut(text: str | None, limit: int) -> str:
    """Return the beginning of a text that needs at most `limit` bytes on the page.

    Parameters
    ----------
    text : str or None
        Cleaned here: controls and reordering marks become visible.
    limit : int
        Bytes after escaping, in UTF-8, the mark of the cut not counted.

    """
    shown = units.clean((text or "")[:limit]).strip()
    whole = len(text or "") <= limit
    while len(escape(shown).encode()) > limit:
        whole, shown = False, shown[: max(0, min(len(shown) - 1, len(shown) * 7 // 8))]
    return shown if whole else f"{shown.rstrip()} …"


def content_hash(html: str) -> str:
    """Return the SHA-256 of a page, its own place in it filled with zeros."""
    pattern = re.escape(_HASH_PLACE).replace(r"\{\}", "[0-9a-f]{64}")
    blank = re.sub(pattern, _HASH_PLACE.format(NO_HASH), html)
    return hashlib.sha256(blank.encode()).hexdigest()


def hashed(html: str) -> tuple[str, str]:
    """Return a page with its hash in its place, and the hash."""
    digest = content_hash(html)
    return html.replace(_HASH_PLACE.format(NO_HASH), _HASH_PLACE.format(digest)), digest


def plain(text: str) -> str:
    """Return text that Markdown shows as it is."""
    folded = escape(" ".join(units.clean(text).split()), quote=False)
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", folded)


def code(text: str) -> str:
    """Return text as a Markdown code span that nothing in it can end."""
    folded = " ".join(units.clean(text).split()).replace("|", r"\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", folded)), default=0) + 1)
    pad = " " if folded.startswith("`") or folded.endswith("`") else ""
    return f"{fence}{pad}{folded}{pad}{fence}"
