"""Texts and tags of statements, as far as sweeps have seen them."""

from collections.abc import Iterable, Mapping

from perf_pipeline.reports.model import Statement, Tags
from perf_pipeline.store import Store

#: queryid, userid, dbid: a text is the same at every level.
Identity = tuple[int, int, int]


def tags(store: Store, target_id: int, queryids: Iterable[int]) -> dict[Identity, Tags]:
    """Return the tags that statements were seen with."""
    found: dict[Identity, Tags] = {}
    params = {"target_id": target_id, "queryids": sorted(set(queryids))}
    for row in store.rows("report_tags", params):
        statement = (row["queryid"], row["userid"], row["dbid"])
        tag = (row["key"], tuple(row["tag_values"]))
        found[statement] = (*found.get(statement, ()), tag)
    return found


def known(
    store: Store,
    target_id: int,
    queryids: Iterable[int],
    tagged: Mapping[Identity, Tags] | None = None,
) -> dict[Identity, Statement]:
    """Return statements whose text is known, with it.

    Parameters
    ----------
    store : Store
    target_id : int
    queryids : iterable of int
    tagged : Mapping, optional
        Their tags, where they were read already.

    """
    wanted = sorted(set(queryids))
    tagged = tags(store, target_id, wanted) if tagged is None else tagged
    rows = store.rows("report_texts", {"target_id": target_id, "queryids": wanted})
    return {
        key: Statement(
            row["queryid"],
            text=row["query"],
            text_length=row["query_length"],
            tags=tagged.get(key, ()),
        )
        for row in rows
        for key in [(row["queryid"], row["userid"], row["dbid"])]
    }
