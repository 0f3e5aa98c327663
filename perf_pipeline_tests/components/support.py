"""A throw-away Dagster project with `defs.yaml` files, as somebody else's project would have."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dagster as dg
from dagster.components.testing import create_defs_folder_sandbox

FLEET = """
import dagster as dg
from perf_pipeline.components import fleet_definitions

@dg.definitions
def fleet(context: dg.ComponentLoadContext) -> dg.Definitions:
    return fleet_definitions(context)
"""


def block(name: str = "shop", **changes: str) -> str:
    """Return a defs.yaml; a field set to "" is left out."""
    attributes = {"name": name, "url_env": "SHOP_URL", "history_start": '"2026-01-01"', **changes}
    lines = [f"  {field}: {value}" for field, value in attributes.items() if value]
    return "\n".join(["type: perf_pipeline.components.PostgresTarget", "attributes:", *lines, ""])


@contextmanager
def project(files: Mapping[str, str]) -> Iterator[dg.Definitions]:
    """Load a project's definitions from the texts of the files under its `defs/`."""
    with create_defs_folder_sandbox() as sandbox:
        for name, text in files.items():
            path = sandbox.defs_folder_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        with sandbox.build_all_defs() as definitions:
            yield definitions


def messages(error: BaseException | None) -> str:
    """Return what a person sees of an error and its causes."""
    parts = []
    while error is not None:
        parts.append(str(error))
        error = error.__cause__
    return "\n".join(parts)
