"""Texts of another program's statements: read page by page, redacted at once."""

from collections.abc import Callable, Iterator, Mapping

import polars as pl

from perf_pipeline.snapshots.redact import CUT, MAXIMUM_LENGTH, redact

HIDDEN = "<insufficient privilege>"
PAGE = 5_000

#: Redacting makes most texts shorter: twice what is kept is enough.
READ_CHARACTERS = 2 * MAXIMUM_LENGTH


def redacted(found: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that have a visible text, with every literal taken out of it.

    Parameters
    ----------
    found : polars.DataFrame
        With a column `query`.

    """
    shown = found.filter(pl.col("query").is_not_null() & (pl.col("query") != HIDDEN))
    texts = pl.Series("query", [_redacted(text) for text in shown["query"]], dtype=pl.String)
    return shown.with_columns(texts)


def _redacted(text: str) -> str:
    shown = redact(text[:READ_CHARACTERS])
    cut = len(text) >= READ_CHARACTERS and not shown.endswith(CUT)
    return shown + CUT if cut else shown


def pages(read: Callable[[Mapping[str, object]], pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield redacted texts, a page at a time.

    Parameters
    ----------
    read : callable
        Takes `queryid` and `userid` to go on after, and `most`; returns userid, dbid, queryid and
        query, sorted by queryid and userid.

    """
    # as text: a cast binds tighter than the sign of a literal, and the least bigint has no positive
    after = {"queryid": str(-(2**63)), "userid": "-1"}
    while True:
        page = read({**after, "most": PAGE})
        if page.height:
            yield redacted(page)
            after = {name: str(page[name][-1]) for name in after}
        if page.height < PAGE:
            return
