r"""Typed generators of the parameters of load-test operations, as lines of pgbench.

A generator is one or more `\set` lines that leave an integer in the variable of its name: pgbench
makes them for each transaction from its own seeded generator, outside of the measured statements'
text, so that a prepared statement stays the same. What cannot be known before the statement runs
(which row is the next one) is found by the statement itself, from that number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from perf_pipeline.errors import ConfigurationError


@dataclass(frozen=True)
class Generator:
    """How one parameter is made.

    Attributes
    ----------
    name : str
        As in the description of the operations, and the variable it sets.
    sql_type : str
        PostgreSQL's type of the value that the statement makes of it.
    meaning : str
        What the number is.
    lines : tuple of str
        pgbench's; empty where the statement itself says it all (`CURRENT_DATE`).
    after : tuple of str
        Generators whose variables it uses.
    facts : tuple of str
        What must be known of the data (`pgbench -D`).

    """

    name: str
    sql_type: str
    meaning: str
    lines: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


def _set(name: str, expression: str) -> str:
    return f"\\set {name} {expression}"


#: Not in the description: what its missing operations need.
OURS: Final = frozenset({"random_product"})
#: All that the described operations ask for (B-36), and ours. Where the description is silent, the
#: numbers are ours, too: they follow the generated data.
GENERATORS: Final[Mapping[str, Generator]] = {
    each.name: each
    for each in (
        Generator(
            "random_tenant",
            "bigint",
            "id of a tenant of the scenario's industry",
            # every fourth tenant is of one industry; `place` is its number among those
            (
                _set("place", "random(0, :tenants - 1)"),
                _set("random_tenant", ":first_tenant + :tenant_step * :place"),
            ),
            facts=("tenants", "first_tenant", "tenant_step"),
        ),
        Generator(
            "random_customer",
            "bigint",
            "id of a customer of the tenant",
            (
                _set(
                    "random_customer",
                    ":place * :customers_per_tenant + random(1, :customers_per_tenant)",
                ),
            ),
            after=("random_tenant",),
            facts=("customers_per_tenant",),
        ),
        Generator(
            "random_service",
            "text",
            "number of a service",
            (_set("random_service", "random(1, 8)"),),
        ),
        Generator(
            "weighted_priority",
            "enum",
            "rank of a priority: low 20, normal 55, high 20, emergency 5 of 100",
            (
                _set("weighted_priority_drawn", "random(1, 20)"),
                _set(
                    "weighted_priority",
                    "case when :weighted_priority_drawn <= 4 then 1"
                    " when :weighted_priority_drawn <= 15 then 2"
                    " when :weighted_priority_drawn <= 19 then 3 else 4 end",
                ),
            ),
        ),
        Generator(
            "generated_description",
            "text",
            "number of a text",
            (_set("generated_description", "random(1, 1000000)"),),
        ),
        Generator("current_date", "date", "the server's CURRENT_DATE"),
        Generator(
            "progressive_status",
            "enum",
            "the status after the one a row has, in its order; none after the last",
        ),
        Generator(
            "existing_work_order",
            "bigint",
            "days before today at which the tenant's newest open job is looked for",
            (_set("existing_work_order", "random(0, 30)"),),
            after=("random_tenant",),
        ),
        Generator(
            "random_table",
            "integer",
            "number of a table",
            (_set("random_table", "random(1, 30)"),),
        ),
        Generator(
            "generated_order_items",
            "integer",
            "number of items, mostly two or three",
            (_set("generated_order_items", "random_gaussian(1, 6, 2.5)"),),
        ),
        Generator(
            "calculated_total",
            "numeric",
            "total in cents: the items, at 6 to 24 each",
            (_set("calculated_total", ":generated_order_items * random(600, 2400)"),),
            after=("generated_order_items",),
        ),
        Generator("cooking_status", "enum", "the kitchen's status after the one an order has"),
        Generator(
            "random_prep_time",
            "integer",
            "minutes of preparation, mostly about 20",
            (_set("random_prep_time", "random_gaussian(5, 35, 3)"),),
        ),
        Generator(
            "active_order",
            "bigint",
            "how many of the tenant's open orders are passed over",
            (_set("active_order", "random(0, 4)"),),
            after=("random_tenant",),
        ),
        Generator(
            "completed_order",
            "bigint",
            "how many of the tenant's newest completed orders are passed over",
            (_set("completed_order", "random(0, 9)"),),
            after=("random_tenant",),
        ),
        Generator(
            "random_payment",
            "enum",
            "rank of a method of payment: the first of 100 times 60, the others share the rest",
            (
                _set("random_payment_drawn", "random(1, 10)"),
                _set(
                    "random_payment",
                    "case when :random_payment_drawn <= 6 then 1"
                    " when :random_payment_drawn <= 8 then 2 else 3 end",
                ),
            ),
        ),
        Generator("order_total", "numeric", "the total of the order that is paid"),
        Generator(
            "random_product",
            "integer",
            "number of a product or part",
            (_set("random_product", "random(1, 100)"),),
        ),
    )
}


def lines(names: Iterable[str], where: str) -> list[str]:
    """Return the lines of pgbench that make these parameters, each once, what they need first.

    Parameters
    ----------
    names : Iterable of str
        Of generators, in any order.
    where : str
        The operation, for messages.

    Raises
    ------
    ConfigurationError
        A generator is not known.

    """
    made: dict[str, tuple[str, ...]] = {}

    def add(name: str) -> None:
        if name in made:
            return
        generator = of(name, where)
        for needed in generator.after:
            add(needed)
        made[name] = generator.lines

    for name in names:
        add(name)
    return [line for each in made.values() for line in each]


def facts(names: Iterable[str], where: str) -> set[str]:
    """Return what must be known of the data to make these parameters."""
    found: set[str] = set()
    left = list(names)
    while left:
        generator = of(left.pop(), where)
        found.update(generator.facts)
        left += generator.after
    return found


def of(name: str, where: str) -> Generator:
    """Return a generator by its name.

    Raises
    ------
    ConfigurationError
        There is none of that name.

    """
    if name not in GENERATORS:
        raise ConfigurationError(
            f"{where}: parameter generator {name!r} is unknown",
            f"one of {', '.join(GENERATORS)}",
        )
    return GENERATORS[name]
