"""Advice on indexes: those that were tried and help, and what upkeep found of others; pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import sql

from perf_pipeline.advice.indexes import Choice, Statement
from perf_pipeline.advice.missing import Tried, named
from perf_pipeline.advice.model import Advice, Area, Severity
from perf_pipeline.advice.skew import said
from perf_pipeline.advice.statements import mean_by_day
from perf_pipeline.upkeep.findings import Finding

Row = Mapping[str, Any]

#: Share of all statements' time from which an index is worth a warning.
WORTH_A_WARNING: Final = 0.10
#: Before a statement that drops what standbys may use.
_ELSEWHERE: Final = "-- only where its idx_scan in pg_stat_user_indexes is 0 on each standby, too: "
_DROPPED: Final = frozenset({"unused_index", "duplicate_index", "redundant_index"})


def missing(tried: Tried, partitioned: frozenset[tuple[str, str]]) -> list[Advice]:
    """Return an advice for each index that was tried and helps.

    Parameters
    ----------
    tried : Tried
    partitioned : frozenset of (str, str)
        Tables whose indexes cannot be made concurrently in one statement.

    """
    return [_missing(each, tried, each.candidate.table in partitioned) for each in tried.choices]


def _missing(choice: Choice, tried: Tried, is_partitioned: bool) -> Advice:
    candidate, write = choice.candidate, tried.writes[choice.candidate]
    share = choice.saved_ms / tried.all_ms if tried.all_ms else 0.0
    served = sorted(choice.saved.items(), key=lambda item: -item[1][2])
    first: Statement = tried.statements[served[0][0]]
    costs = "; ".join(
        f"statement {queryid}: cost {before:,.0f} -> {after:,.0f}, "
        f"{tried.statements[queryid].calls:,.0f} calls a day"
        for queryid, (before, after, _) in served[:5]
    )
    uneven = [each for queryid, _ in served for each in tried.statements[queryid].asked]
    asked = f"; {said(uneven[:3])}" if uneven else ""
    severity: Severity = "warning" if share >= WORTH_A_WARNING else "info"
    hot = (
        f", of them {write['hot_lost']:,.0f} updates that were HOT until now"
        if write["hot_lost"] >= 1.0
        else ""
    )
    return Advice(
        "indexes",
        "missing_index",
        named(candidate.table, candidate.columns),
        severity,
        f"planned on an empty copy with this database's sizes and statistics: {costs}{asked}",
        f"about {choice.saved_ms / 1000:,.1f} s of {tried.all_ms / 1000:,.1f} s a day of all "
        f"statements ({100 * share:.1f} %), if time goes as the planner's cost does",
        f"about {write['bytes'] / 1e6:,.1f} MB, and {write['inserted']:,.0f} inserted and "
        f"{write['updated']:,.0f} updated rows a day to keep up{hot}: about "
        f"{write['ms'] / 1000:,.1f} s a day at {write['entry_us']:.1f} us an entry, as measured on "
        "this machine",
        create(candidate.name, candidate.table, candidate.columns, is_partitioned),
        f"idx_scan of {candidate.name} rises, and: {mean_by_day(first.queryid)}",
        {
            "columns": list(candidate.columns),
            "saved_ms_per_day": choice.saved_ms,
            "share": share,
            "write_ms_per_day": write["ms"],
            "bytes": write["bytes"],
            "statements": [
                {"queryid": queryid, "cost_before": before, "cost_after": after, "saved_ms": ms}
                for queryid, (before, after, ms) in served
            ],
        },
    )


def create(name: str, table: tuple[str, str], columns: Sequence[str], partitioned: bool) -> str:
    """Return the statement that makes an index without making writers wait."""
    on, key = _quoted(*table), ", ".join(_quoted(each) for each in columns)
    if not partitioned:
        return f"CREATE INDEX CONCURRENTLY {_quoted(name)} ON {on} ({key})"
    return (
        f"CREATE INDEX {_quoted(name)} ON ONLY {on} ({key}); -- then for each partition: "
        f"CREATE INDEX CONCURRENTLY <partition>_{name} ON <partition> ({key}); "
        f"ALTER INDEX {_quoted(table[0], name)} ATTACH PARTITION <schema>.<partition>_{name}"
    )


def _quoted(*parts: str) -> str:
    plain = re.compile(r"[a-z_][a-z0-9_]*\Z")
    if all(plain.match(part) for part in parts):
        return ".".join(parts)
    return sql.Identifier(*parts).as_string(None)


def existing(
    findings: Sequence[Finding], use: Mapping[str, Row], watched_days: int, business_days: int
) -> list[Advice]:
    """Return upkeep's findings as advice: indexes to drop, tables to vacuum, ids to freeze.

    Parameters
    ----------
    findings : sequence of Finding
    use : Mapping of name to Mapping
        Rows of `sql/store/advice_index_use.sql`.
    watched_days : int
        How long sweeps have looked: an index is called unused only after a whole cycle of work
        in which neither the server's counters nor the ledger saw a scan.
    business_days : int

    """
    found = []
    for each in findings:
        if each.kind == "unused_index":
            row = use.get(each.object_name)
            if watched_days < business_days or (row is not None and (row["scans"] or 0) > 0):
                continue
        found.append(_existing(each, watched_days))
    return found


def _existing(each: Finding, watched_days: int) -> Advice:
    area: Area = "indexes" if each.kind.endswith("_index") else "vacuum"
    saved = f"{each.bytes / 1e6:,.1f} MB" if each.bytes else "no space"
    name = each.object_name
    if each.kind in _DROPPED:
        elsewhere = "standbys may use it" in each.text
        seen = f"; no scan in {watched_days} days of sweeps" if each.kind == "unused_index" else ""
        return Advice(
            area, each.kind, name, "info" if elsewhere else each.severity,
            each.text + seen,
            f"{saved}, and one index less to keep up by every write",
            "making it again takes as long as its table is large; keep its definition: "
            f"SELECT pg_get_indexdef('{name}'::regclass)",
            (_ELSEWHERE if elsewhere else "") + f"DROP INDEX CONCURRENTLY {name}",
            "no statement of <target>/report/findings becomes slower in the next cycle of work",
            {"bytes": each.bytes},
        )  # fmt: skip
    gains = {
        "invalid_index": "queries can use it, and writes keep it up for something",
        "vacuum": f"{saved} of dead rows may be used again, and scans read less",
        "autovacuum_off": "dead rows are removed and statistics kept without anybody's doing",
        "wraparound": "the server goes on taking transactions",
        "horizon": "vacuum may remove what died since",
    }
    return Advice(
        area, each.kind, name, each.severity, each.text,
        gains.get(each.kind, "see its text"),
        "reads and writes of the whole table or index" if each.kind != "horizon"
        else "whoever holds it loses its transaction",
        each.advice,
        f"perf-pipeline upkeep advice --target ... no longer names {name}",
        {"bytes": each.bytes},
    )  # fmt: skip
