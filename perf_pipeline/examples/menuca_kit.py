"""How much menuca data, and how its ids are laid out, so that a load script finds them (pure)."""

from dataclasses import asdict, dataclass

import numpy as np

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples.thorbis_kit import Ints

#: Bumped when the same parameters give other rows.
DATA_VERSION = 1
#: The first accounts of a tenant: an owner, a manager, two of the staff; the others are guests.
STAFF = ("owner", "manager", "staff", "staff")
#: Every tenth tenant is a chain: a main restaurant and two more.
CHAIN_EVERY = 10
BRANCHES = 2
MENUS = 2


@dataclass(frozen=True)
class Size:
    """How much data; restaurants' sizes are skewed around `orders_per_restaurant`.

    Tenant `t` has the restaurant `t`. The chain `t = 10 j` also has the restaurants
    `tenants + 2 (j - 1) + 1` and `+ 2`. Restaurant `r` has the menu items
    `(r - 1) * items_per_restaurant + 1 ...`, tenant `t` the accounts
    `(t - 1) * users_per_tenant + 1 ...`, of which the first four are staff.

    Raises
    ------
    ConfigurationError
        A number is too small for a row of every kind.

    """

    tenants: int = 1000
    orders_per_restaurant: int = 100
    items_per_restaurant: int = 30
    users_per_tenant: int = 24

    def __post_init__(self) -> None:
        for name, least in (
            ("tenants", 1),
            ("orders_per_restaurant", 1),
            ("items_per_restaurant", MENUS),
            ("users_per_tenant", len(STAFF) + 1),
        ):
            value = getattr(self, name)
            if value < least:
                raise ConfigurationError(f"{name}={value} is too small", f"use at least {least}")

    @property
    def restaurants(self) -> int:
        """One per tenant, and two more per chain."""
        return self.tenants + BRANCHES * (self.tenants // CHAIN_EVERY)

    def restaurants_of(self, tenants: Ints) -> tuple[Ints, Ints]:
        """Return the restaurants of some tenants, and the tenant of each."""
        chains = tenants[tenants % CHAIN_EVERY == 0]
        branch = self.tenants + BRANCHES * (chains // CHAIN_EVERY - 1) + 1
        more = (branch[:, None] + np.arange(BRANCHES)).ravel()
        return np.concatenate([tenants, more]), np.concatenate(
            [tenants, np.repeat(chains, BRANCHES)]
        )

    def variables(self) -> dict[str, int]:
        """Return what the load scripts need to pick ids (`pgbench -D`)."""
        return {
            "tenants": self.tenants,
            "restaurants": self.restaurants,
            "items_per_restaurant": self.items_per_restaurant,
            "users_per_tenant": self.users_per_tenant,
        }

    def parameters(self, seed: int) -> dict[str, int]:
        """Return what identifies the content, together with the reference time."""
        return {**asdict(self), "seed": seed, "data_version": DATA_VERSION}
