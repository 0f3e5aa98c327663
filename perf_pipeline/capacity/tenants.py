"""Which tenant causes how much load, and whether one is served more slowly than the others; pure.

Told from what the server counts by itself: roles, application names, schemas. Where tenants share
all three (rows of one table told apart by a column), the server counts nothing by tenant: then
only the application knows whom it answers, and what it reports to a table is taken.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from perf_pipeline.capacity.model import Tenants
from perf_pipeline.errors import ConfigurationError

Row = Mapping[str, Any]

#: Of two, one always has half: it takes three to have a noisy one.
LEAST_TENANTS: Final = 3
#: Statements a tenant must share with others before its times are compared with theirs.
LEAST_SHARED: Final = 3
#: Calls of a statement by a tenant before its mean counts.
LEAST_CALLS: Final = 20
#: Reports of a tenant's times in the week before they count: one an hour of a day.
LEAST_REPORTS: Final = 24
#: A tenant this many times slower than the others at the same statements is served worse.
SLOWER: Final = 2.0


@dataclass(frozen=True)
class Tenant:
    """One tenant's part.

    Attributes
    ----------
    name : str
    load : float
        In `unit`: execution ms of a role, mean busy sessions of an application, rows read and
        written of a schema, what the application reports.
    share : float
        Of all tenants' load, 0 to 1.
    slower : float or None
        How many times as long as for the median tenant the same statements, or all its responses
        as reported, take for it; None: not known, or from too little.
    shared : int
        Statements, or reports, that was taken from.

    """

    name: str
    load: float
    share: float
    slower: float | None = None
    shared: int = 0

    def as_dict(self, unit: str) -> dict[str, Any]:
        """Return it for printing."""
        return {
            "tenant": self.name,
            unit: float(f"{self.load:.4g}"),
            "share_percent": round(100.0 * self.share, 2),
            "times_slower": None if self.slower is None else round(self.slower, 2),
            "compared": self.shared,
        }


#: What `load` is counted in, by what tenants are told apart.
UNITS: Final[Mapping[str, str]] = {
    "role": "execution_ms",
    "application": "busy_sessions",
    "schema": "rows_touched",
    "reported": "reported_load",
}
#: What `shared` counts, by the same.
_COMPARED: Final[Mapping[str, str]] = {"role": "statements", "reported": "reports"}


def named(rule: Tenants, name: str) -> str | None:
    """Return the tenant a name is of, None where it is nobody's.

    Raises
    ------
    ConfigurationError
        The pattern is no regular expression.

    """
    try:
        found = re.fullmatch(rule.pattern, name)
    except re.error as error:
        raise ConfigurationError(
            f"capacity.tenants.pattern {rule.pattern!r} is no regular expression: {error}",
            r"write one that matches the whole name, for example tenant_(\d+)",
        ) from error
    if found is None:
        return None
    return found.group(1) if found.groups() else name


def of_loads(rule: Tenants, loads: Iterable[tuple[str, float]]) -> list[Tenant]:
    """Return each tenant's share, the largest first.

    Parameters
    ----------
    rule : Tenants
    loads : iterable of (str, float)
        Name of the role, application or schema, and its load.

    """
    sums: dict[str, float] = {}
    for name, load in loads:
        tenant = named(rule, name)
        if tenant is not None:
            sums[tenant] = sums.get(tenant, 0.0) + load
    whole = sum(sums.values())
    made = [Tenant(name, load, load / whole if whole else 0.0) for name, load in sums.items()]
    return sorted(made, key=lambda each: (-each.load, each.name))


def of_roles(rule: Tenants, work: Sequence[Row], names: Mapping[int, str]) -> list[Tenant]:
    """Return each tenant's share of execution time, and how its statements' times compare.

    Parameters
    ----------
    rule : Tenants
    work : sequence of Mapping
        userid, queryid, calls, total_ms.
    names : Mapping of oid to name

    """
    by_statement: dict[int, dict[str, list[float]]] = {}
    loads = []
    for row in work:
        name = names.get(row["userid"])
        if name is None:
            continue
        loads.append((name, float(row["total_ms"])))
        tenant = named(rule, name)
        if tenant is not None:
            sums = by_statement.setdefault(row["queryid"], {}).setdefault(tenant, [0.0, 0.0])
            sums[0] += row["calls"]
            sums[1] += row["total_ms"]
    ratios: dict[str, list[float]] = {}
    for each in by_statement.values():
        means = {t: ms / n for t, (n, ms) in each.items() if n >= LEAST_CALLS and ms > 0.0}
        if len(means) < LEAST_TENANTS:
            continue
        usual = median(means.values())
        for tenant, mean in means.items():
            ratios.setdefault(tenant, []).append(mean / usual)
    return [
        Tenant(
            each.name,
            each.load,
            each.share,
            median(ratios[each.name]) if len(ratios.get(each.name, ())) >= LEAST_SHARED else None,
            len(ratios.get(each.name, ())),
        )
        for each in of_loads(rule, loads)
    ]


def of_reports(rule: Tenants, rows: Sequence[Row]) -> list[Tenant]:
    """Return each tenant's share of what the application reports, and how its times compare.

    Parameters
    ----------
    rule : Tenants
    rows : sequence of Mapping
        tenant, load, response_ms (weighed by load; None: not measured), reports of it.

    """
    means = {
        row["tenant"]: row["response_ms"]
        for row in rows
        if row["response_ms"] and row["reports"] >= LEAST_REPORTS and named(rule, row["tenant"])
    }
    usual = median(means.values()) if len(means) >= LEAST_TENANTS else None
    slower = {named(rule, name): mean / usual for name, mean in means.items() if usual}
    counted = {named(rule, row["tenant"]): row["reports"] for row in rows}
    return [
        Tenant(
            each.name,
            each.load,
            each.share,
            slower.get(each.name),
            counted[each.name] if each.name in slower else 0,
        )
        for each in of_loads(rule, ((row["tenant"], row["load"] or 0.0) for row in rows))
    ]


def broken(rule: Tenants, tenants: Sequence[Tenant]) -> list[str]:
    """Return what is to say of tenants that take too much, or are served worse than others."""
    if len(tenants) < LEAST_TENANTS:
        return []
    said = [
        f"{each.name} has {100.0 * each.share:.0f} % of the load of {len(tenants)} tenants, "
        f"more than {rule.share_percent:g} %"
        for each in tenants
        if 100.0 * each.share > rule.share_percent
    ]
    said += [
        f"{each.name} waits {each.slower:.1f} times as long as others, by "
        f"{each.shared} {_COMPARED.get(rule.by, 'figures')}"
        for each in tenants
        if each.slower is not None and each.slower >= SLOWER
    ]
    return said
