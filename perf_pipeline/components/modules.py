"""Other parts of the system that a target's tables belong to, as external assets (G-94)."""

from collections.abc import Sequence
from typing import Annotated

import dagster as dg
from pydantic import Field

from perf_pipeline import vocabulary
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres.target import Target

FAMILY = "module"


class Module(dg.Model, dg.Resolvable):
    """A part of the system that others build and run: what it is, and which tables it writes."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9_]*$",
            description="Short name: the asset is `<target>/module/<name>`.",
            examples=["data_pipeline"],
        ),
    ]
    description: Annotated[str, Field(description="What it does; shown on its asset.")]
    owners: Annotated[
        Sequence[str],
        Field(description="E-mail addresses or `team:<name>`; default: the target's."),
    ] = ()
    tables: Annotated[
        Sequence[Annotated[str, Field(pattern=r"^[^.\s]+\.[^.\s]+$")]],
        Field(description="Tables it writes, schema.name: their assets come after it."),
    ] = ()


def module_key(target: Target, module: Module) -> dg.AssetKey:
    """Return the key of a module's asset."""
    return vocabulary.key(target, FAMILY, module.name)


def writers(target: Target, modules: Sequence[Module]) -> dict[str, dg.AssetKey]:
    """Return the module that writes each table.

    Raises
    ------
    ConfigurationError
        Two modules have one name, or write one table.

    """
    names = [each.name for each in modules]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(
                f"target {target.name!r}: module {name!r} is declared twice",
                "give one of them another name",
            )
    found: dict[str, dg.AssetKey] = {}
    for each in modules:
        key = module_key(target, each)
        for table in each.tables:
            if found.setdefault(table, key) != key:
                raise ConfigurationError(
                    f"target {target.name!r}: {table} is written by two modules, {each.name!r} and "
                    f"{found[table].path[-1]!r}",
                    "name the one that owns it",
                )
    return found


def module_definitions(target: Target, modules: Sequence[Module]) -> dg.Definitions:
    """Return an external asset for each module; nothing of it is ever run here."""
    writers(target, modules)
    return dg.Definitions(
        assets=[
            dg.AssetSpec(
                module_key(target, each),
                group_name=target.name,
                kinds={"postgres"},
                owners=list(each.owners or target.owners),
                tags=vocabulary.tags(target, FAMILY),
                description=each.description,
                metadata={"tables": ", ".join(each.tables)} if each.tables else None,
            )
            for each in modules
        ]
    )
