"""Settings that are not as they were meant, and memory that may be promised twice; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from perf_pipeline.advice.model import Advice, Policy, Severity

Row = Mapping[str, Any]

_FACTORS: Final[Mapping[str, float]] = {
    "B": 1.0, "kB": 1024.0, "MB": 1024.0**2, "GB": 1024.0**3, "TB": 1024.0**4,
    "us": 0.001, "ms": 1.0, "s": 1000.0, "min": 60_000.0, "h": 3_600_000.0, "d": 86_400_000.0,
}  # fmt: skip
#: Share of the machine's memory that shared_buffers is expected to have, the 25 % rule.
BUFFERS_LOW, BUFFERS_HIGH = 0.10, 0.40
#: Share of it that all the server's promises together should stay below.
PROMISED: Final = 0.90
#: Settings that lose data when the machine does, and what they lose.
_UNSAFE: Final[Mapping[str, tuple[str, Severity, str]]] = {
    "fsync": ("on", "critical", "a crash of the machine may leave a database that cannot be used"),
    "full_page_writes": ("on", "critical", "a crash of the machine may leave torn pages"),
    "synchronous_commit": (
        "on", "warning", "commits of the last moments are lost in a crash, for every application",
    ),
}  # fmt: skip
_STRICTER: Final = frozenset({"on", "local", "remote_write", "remote_apply"})


def number(value: str, unit: str | None) -> float | None:
    """Return a setting's value in bytes or milliseconds, or as it is; None: it is no number.

    Parameters
    ----------
    value : str
        As in postgresql.conf (`256MB`), or as pg_settings has it (`32768`).
    unit : str or None
        pg_settings' unit (`8kB`), for a value that has none of its own.

    """
    text = value.strip()
    digits = text.rstrip("BkMGTusminhd").strip()
    own = text[len(digits) :].strip()
    try:
        count = float(digits)
    except ValueError:
        return None
    if own:
        return count * _FACTORS[own] if own in _FACTORS else None
    if not unit:
        return count
    head = unit.rstrip("BkMGTusminhd")
    return count * float(head or 1) * _FACTORS.get(unit[len(head) :], 1.0)


def same(expected: str, row: Row) -> bool:
    """Whether a setting is as it was meant, in whatever unit that was written."""
    wanted, is_now = number(expected, row["unit"]), number(row["value"], row["unit"])
    if wanted is not None and is_now is not None:
        return abs(wanted - is_now) <= 1e-9 * max(abs(wanted), 1.0)
    if row["kind"] == "bool":
        return (expected.lower() in _TRUE) == (row["value"].lower() in _TRUE)
    if row["name"].endswith("_preload_libraries"):
        return _listed(expected) <= _listed(row["value"])
    return bool(expected.strip().lower() == row["value"].strip().lower())


_TRUE: Final = frozenset({"on", "true", "yes", "1", "t", "y"})


def _listed(value: str) -> set[str]:
    return {part.strip().strip("'\"") for part in value.split(",") if part.strip()}


def drift(rows: Sequence[Row], policy: Policy) -> list[Advice]:
    """Return settings that differ from what was declared, wait for a restart, or lose data."""
    known = {row["name"]: row for row in rows}
    found = []
    for name, expected in sorted(policy.expected_settings.items()):
        row = known.get(name)
        if row is None:
            found.append(_unknown(name, expected))
        elif not same(expected, row):
            found.append(_differs(row, expected))
    waiting = [row for row in rows if row["pending_restart"]]
    if waiting:
        names = ", ".join(row["name"] for row in waiting)
        found.append(
            Advice(
                "settings", "pending_restart", names, "warning",
                f"{len(waiting)} settings were changed in the file and wait for a restart: {names}",
                "the server runs as its file says",
                "a restart: seconds without connections",
                "pg_ctl restart -m fast",
                "SELECT name FROM pg_settings WHERE pending_restart",
                {"waiting": len(waiting)},
            )
        )  # fmt: skip
    for name, (safe, severity, what) in _UNSAFE.items():
        row = known.get(name)
        if row is None or row["value"] in (_STRICTER if safe == "on" else {safe}):
            continue
        found.append(
            Advice(
                "settings", "unsafe", name, severity,
                f"{name} is {row['value']}: {what}",
                "no committed transaction is lost",
                "commits wait for the disk; set it per transaction where that is too slow "
                "(SET LOCAL synchronous_commit = off)",
                f"ALTER SYSTEM SET {name} = '{safe}'; SELECT pg_reload_conf()",
                f"SHOW {name}",
            )
        )  # fmt: skip
    return found


def _unknown(name: str, expected: str) -> Advice:
    return Advice(
        "settings", "drift", name, "info",
        f"{name} is declared to be {expected}; this server has no such setting, or hides it",
        "what is declared is what is meant", "none",
        f"-- remove {name} from expected_settings, or grant pg_read_all_settings",
        f"SHOW {name}",
    )  # fmt: skip


def _differs(row: Row, expected: str) -> Advice:
    name, restart = row["name"], row["context"] == "postmaster"
    now = _shown(row)
    return Advice(
        "settings", "drift", name, "warning",
        f"{name} is {now}; declared is {expected}",
        "the server runs as it was meant to",
        "a restart" if restart else "none: it is taken over by a reload",
        f"ALTER SYSTEM SET {name} = '{expected}'"
        + ("; -- then restart" if restart else "; SELECT pg_reload_conf()"),
        f"SHOW {name}",
        {"expected": expected, "value": row["value"], "unit": row["unit"]},
    )  # fmt: skip


def memory(rows: Sequence[Row], total_bytes: float | None, busy: int | None) -> list[Advice]:
    """Return what is to say of memory: shared buffers, and what sessions may take beside them.

    Parameters
    ----------
    rows : sequence of Mapping
        Of `sql/advice/settings.sql`.
    total_bytes : float or None
        Of the machine; None: not known, and nothing is said.
    busy : int or None
        The most sessions that were at work at once; None: not known.

    """
    if total_bytes is None:
        return []
    known = {row["name"]: row for row in rows}

    def value(name: str, default: float = 0.0) -> float:
        row = known.get(name)
        found = number(row["value"], row["unit"]) if row is not None else None
        return default if found is None else found

    shared, each = value("shared_buffers"), value("work_mem")
    sessions, factor = value("max_connections"), value("hash_mem_multiplier", 1.0)
    upkeep = value("autovacuum_work_mem", -1.0)
    upkeep = value("maintenance_work_mem") if upkeep < 0 else upkeep
    workers = value("autovacuum_max_workers") * upkeep
    worst = shared + workers + sessions * each * factor
    measured = None if busy is None else shared + workers + busy * each * factor
    figures = {
        "memory_bytes": total_bytes, "shared_buffers_bytes": shared, "work_mem_bytes": each,
        "max_connections": sessions, "hash_mem_multiplier": factor,
        "autovacuum_bytes": workers, "promised_bytes": worst, "busy_sessions": busy,
        "measured_bytes": measured,
    }  # fmt: skip
    found = []
    share = shared / total_bytes
    if not BUFFERS_LOW <= share <= BUFFERS_HIGH:
        meant = int(0.25 * total_bytes / 1024**2)
        found.append(
            Advice(
                "settings", "shared_buffers", "shared_buffers", "info",
                f"shared_buffers is {_mb(shared)}, {100 * share:.0f} % of {_mb(total_bytes)}",
                "a quarter of the memory is where most systems begin; see the cache hit ratio "
                "before and after",
                "a restart",
                f"ALTER SYSTEM SET shared_buffers = '{meant}MB'; -- then restart",
                "cache_hits of <target>/stats/database, a week before and after",
                figures,
            )
        )  # fmt: skip
    if worst > PROMISED * total_bytes and sessions > 0 and factor > 0:
        room = max(0.0, PROMISED * total_bytes - shared - workers)
        fits = int(room / (sessions * factor) / 1024**2)
        over = measured is not None and measured > PROMISED * total_bytes
        seen = "" if measured is None else (
            f"; the {busy} sessions that were busy at once could take {_mb(measured)}"
        )  # fmt: skip
        found.append(
            Advice(
                "settings", "memory_budget", "work_mem", "critical" if over else "warning",
                f"shared_buffers {_mb(shared)} + {workers / 1024**2:,.0f} MB of autovacuum + "
                f"{sessions:.0f} connections x work_mem {_mb(each)} x {factor:g} = {_mb(worst)} "
                f"of {_mb(total_bytes)}{seen}; one sort or hash of each session is counted",
                "the machine does not run out of memory when all connections work at once",
                "statements that sort more than that use temporary files: set work_mem for their "
                "role alone",
                f"ALTER SYSTEM SET work_mem = '{max(fits, 1)}MB'; SELECT pg_reload_conf()"
                "; or fewer connections, behind a pool",
                "temp_bytes of <target>/stats/database, a week before and after",
                figures,
            )
        )  # fmt: skip
    return found


def declared_memory(rows: Sequence[Row], policy: Policy, total_bytes: float | None) -> list[Advice]:
    """Return what is to say of the memory that the declared settings would promise.

    Following them must not be what takes the machine down: they are held against it before.
    """
    meant = [
        {**row, "value": policy.expected_settings[row["name"]], "unit": row["unit"]}
        if row["name"] in policy.expected_settings
        else row
        for row in rows
    ]
    return [
        replace(
            each,
            kind="declared_memory",
            object_name="expected_settings",
            severity="warning",
            evidence=f"as they are declared: {each.evidence}",
            statement="-- expected_settings: a smaller work_mem or max_connections; "
            + each.statement.partition(";")[0].replace("ALTER SYSTEM SET ", "for example "),
            verify="this advice is gone",
        )
        for each in memory(meant, total_bytes, None)
        if each.kind == "memory_budget"
    ]


def _shown(row: Row) -> str:
    """Return a setting's value as one would write it."""
    found = number(row["value"], row["unit"])
    if found is None or found < 0 or not row["unit"] or not row["unit"].endswith("B"):
        return f"{row['value']}{row['unit'] or ''}"
    return _mb(found)


def _mb(value: float) -> str:
    return f"{value / 1024**3:,.1f} GB" if value >= 1024**3 else f"{value / 1024**2:,.0f} MB"
