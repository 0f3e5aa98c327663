"""Who causes how much load, and who is served worse."""

from typing import Any

import pytest

from perf_pipeline.capacity.model import Reported, Tenants
from perf_pipeline.capacity.tenants import broken, named, of_loads, of_reports, of_roles
from perf_pipeline.errors import ConfigurationError

ROLES = Tenants(by="role", pattern=r"tenant_(\d+)")


def work(slow: float = 1.0) -> list[dict[str, Any]]:
    return [
        {
            "userid": tenant,
            "queryid": query,
            "calls": 100,
            "total_ms": 100.0 * (query + 1) * (slow if tenant == 3 else 1.0),
        }
        for tenant in (1, 2, 3, 9)
        for query in range(4)
    ]


NAMES = {1: "tenant_1", 2: "tenant_2", 3: "tenant_3", 9: "reporting"}


def test_a_name_is_a_tenants_or_nobodys() -> None:
    assert named(ROLES, "tenant_12") == "12"
    assert named(ROLES, "reporting") is None
    assert named(Tenants(by="schema"), "app") == "app"


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no regular expression"):
        named(Tenants(by="role", pattern="("), "x")


def test_shares_are_of_tenants_alone() -> None:
    found = of_roles(ROLES, work(), NAMES)
    assert [each.name for each in found] == ["1", "2", "3"]
    assert [each.share for each in found] == pytest.approx([1 / 3] * 3)
    assert broken(ROLES, found) == []


def test_a_tenant_that_is_served_worse_is_told() -> None:
    found = of_roles(ROLES, work(slow=2.5), NAMES)
    assert found[0].name == "3"
    assert found[0].slower == pytest.approx(2.5)
    said = broken(ROLES, found)
    assert any("waits 2.5 times as long as others, by 4 statements" in each for each in said)
    assert any("has 56 % of the load" in each for each in said)


def test_statements_of_two_tenants_compare_nobody() -> None:
    rows = [row for row in work(slow=9) if row["userid"] != 2]
    found = of_roles(ROLES, rows, NAMES)
    assert [each.slower for each in found] == [None, None]
    # of two, one always has half
    assert broken(ROLES, found) == []


def test_no_load_is_no_share() -> None:
    found = of_loads(Tenants(by="schema"), [("a", 0.0), ("b", 0.0), ("c", 0.0)])
    assert [each.share for each in found] == [0.0, 0.0, 0.0]
    assert broken(Tenants(by="schema"), found) == []


def test_what_the_application_reports_tells_tenants_apart() -> None:
    place = Reported(relation="a.b", tenant="t", at="at", load="n", response_ms="ms")
    rule = Tenants(by="reported", reported=place)
    rows = [
        {"tenant": str(n), "load": 10.0, "response_ms": ms, "reports": reports}
        for n, (ms, reports) in enumerate([(50.0, 100), (40.0, 100), (120.0, 30), (900.0, 5)])
    ]
    found = {each.name: each for each in of_reports(rule, rows)}
    # of the median of those that reported often enough; five reports say nothing
    assert (found["2"].slower, found["2"].shared) == (pytest.approx(120 / 50), 30)
    assert (found["3"].slower, found["3"].shared) == (None, 0)
    (said,) = broken(rule, list(found.values()))
    assert said == "2 waits 2.4 times as long as others, by 30 reports"
    # a tenant that did not measure has no time, and one without a load no share
    rows = [{"tenant": "a", "load": None, "response_ms": None, "reports": 0}]
    assert [(e.share, e.slower) for e in of_reports(rule, rows)] == [(0.0, None)]
    with pytest.raises(ValueError, match="belong together"):
        Tenants(by="reported")
    with pytest.raises(ValueError, match="belong together"):
        Tenants(by="role", reported=place)
