"""Streaming replicas as a target's YAML declares them."""

from collections.abc import Sequence
from typing import Annotated, Literal

import dagster as dg
from pydantic import Field

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import replicas as logic


class Replica(dg.Model, dg.Resolvable):
    """One streaming replica."""

    name: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_]{0,38}$", description="Short name, shown in messages.")
    ]
    url_env: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
            description="Name of the environment variable with its URL.",
        ),
    ]
    roles: Annotated[
        Sequence[Literal["analytics", "reporting"]],
        Field(min_length=1, description="What it is for: analytics, reporting, or both."),
    ] = ("analytics", "reporting")
    max_lag_seconds: Annotated[
        float, Field(gt=0.0, description="Not read when further behind; 60.")
    ] = logic.MAX_LAG_S


def declared(target: str, replicas: Sequence[Replica]) -> tuple[logic.Replica, ...]:
    """Return the replicas of a target.

    Raises
    ------
    ConfigurationError
        Two have one name, or one is called primary.

    """
    names = [each.name for each in replicas]
    for name in names:
        if names.count(name) > 1 or name == "primary":
            raise ConfigurationError(
                f"target {target!r}: replica name {name!r} is taken", "give each one of its own"
            )
    return tuple(
        logic.Replica(each.name, each.url_env, tuple(each.roles), each.max_lag_seconds)
        for each in replicas
    )
