"""Findings with what was said of them: listing, showing, and the precision of each rule."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from perf_pipeline.regressions.summary import short
from perf_pipeline.store import Store, feedback

Row = Mapping[str, Any]

#: A finding of these severities asks for somebody's attention until something is said of it.
ALARMS = frozenset({"warning", "critical"})


def is_open(row: Row) -> bool:
    """Return whether a finding is an alarm of which nothing was said."""
    return row["severity"] in ALARMS and row["verdict"] is None


def listed(
    store: Store,
    target_id: int,
    first: date | None,
    last: date | None,
    findings: Sequence[str] | None = None,
) -> list[Row]:
    """Return the findings of some days as last seen, each with the newest word on it.

    Parameters
    ----------
    store : Store
    target_id : int
    first, last : date or None
        UTC days, both included; None: no bound.
    findings : Sequence of str, optional
        Only these.

    Returns
    -------
    list of Mapping
        Columns of `perf_mgmt.findings`, `cause_kind`, `verdict` (None: nothing was said) and
        `query`; the newest onset first.

    """
    params = {
        "target_id": target_id,
        "first": first,
        "last": last,
        "findings": None if findings is None else list(findings),
    }
    return list(store.rows("findings_listed", params))


def shown(store: Store, target_id: int, prefix: str) -> list[Row]:
    """Return what the beginning of a name means, each finding with its `history` of feedback.

    A finding that is told no more, because of what was said of it, has only what was kept then.

    Raises
    ------
    InputError
        Nothing or more than one thing begins so.

    """
    meant, _ = feedback.matching(store, target_id, prefix)
    names = [row["finding_id"] for row in meant]
    known = {row["finding_id"]: row for row in listed(store, target_id, None, None, names)}
    said = store.rows("feedback_history", {"target_id": target_id, "findings": names})
    rows: list[Row] = []
    for row in meant:
        name = row["finding_id"]
        history = [dict(word) for word in said if word["finding_id"] == name]
        newest = history[0]["verdict"] if history else None
        kept = known.get(name, row)
        verdict = None if newest == "cleared" else newest
        rows.append({**kept, "verdict": verdict, "history": history})
    return rows


def lines(row: Row) -> list[str]:
    """Return a finding as lines for a person; pure."""
    level = f"{short(row['old_level'])} ms -> {short(row['new_level'])} ms per call"
    text = [
        f"{row['finding_id']}  {row['severity']}  ({row['verdict'] or 'nothing was said of it'})",
        f"  incident   {row['incident_id']}",
        f"  statement  {' '.join((row.get('query') or 'text not known').split())}",
        f"             queryid {row['queryid']}",
        f"  since      {row['onset']:%Y-%m-%d %H:%M:%S} UTC",
        f"  size       {level}",
    ]
    if "causes" not in row:
        text.append("  it is told no more")
    else:
        evidence = row["evidence"]
        if evidence.get("summary"):
            text.append(f"  made of    {evidence['summary']}")
        for cause in row["causes"]:
            text.append(
                f"  cause      {cause['kind'].replace('_', ' ')} {cause['object']}"
                f"  ({cause['score']:.2f})"
            )
            text += [f"               {line}" for line in cause["evidence"]]
        if not row["causes"]:
            text.append("  cause      none known")
    text += [
        f"  said       {word['given_at']:%Y-%m-%d %H:%M} {word['given_by']}: {word['verdict']}"
        + (f", {word['reason']}" if word["reason"] else "")
        for word in row["history"]
    ]
    return text


def precision_of(store: Store, target_id: int) -> list[dict[str, Any]]:
    """Return the precision of each rule on a target; see `precision`."""
    return precision(
        store.rows("findings_rules", {"target_id": target_id}),
        [vars(word) for word in feedback.current(store, target_id)],
    )


def precision(findings: Iterable[Row], verdicts: Iterable[Row]) -> list[dict[str, Any]]:
    """Count what was said of findings, by rule: likeliest cause and severity; pure.

    Parameters
    ----------
    findings : Iterable of Mapping
        `finding_id`, `severity`, `cause_kind`: each finding that is told, once.
    verdicts : Iterable of Mapping
        The newest word on each finding: the same and `verdict`. The rule is the one of then.

    Returns
    -------
    list of dict
        `cause_kind` (None: no cause was named), `severity`, `true` (acknowledged or expected: it
        did change), `expected` (of these), `false`, `unjudged` and `precision`: true / (true +
        false), None where nothing was judged. Sorted by cause and severity.

    """
    counts: dict[tuple[str | None, str], Counter[str]] = {}
    judged = set()
    for word in verdicts:
        judged.add(word["finding_id"])
        counter = counts.setdefault((word["cause_kind"], word["severity"]), Counter())
        counter["false" if word["verdict"] == "false" else "true"] += 1
        counter["expected"] += word["verdict"] == "expected"
    for row in findings:
        if row["finding_id"] not in judged:
            counts.setdefault((row["cause_kind"], row["severity"]), Counter())["unjudged"] += 1
    result: list[dict[str, Any]] = []
    for (cause, severity), counter in sorted(
        counts.items(), key=lambda item: (item[0][0] or "", item[0][1])
    ):
        told = counter["true"] + counter["false"]
        result.append(
            {
                "cause_kind": cause,
                "severity": severity,
                **{name: counter[name] for name in ("true", "expected", "false", "unjudged")},
                "precision": round(counter["true"] / told, 4) if told else None,
            }
        )
    return result
