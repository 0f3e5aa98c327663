"""The number of a target in the store."""

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.store.engine import Store


def register(store: Store, name: str) -> int:
    """Return the target's number, giving it one when it is new.

    Parameters
    ----------
    name : str
        The target's name, as in its YAML.

    """
    known = find(store, name)
    if known is not None:
        return known
    for _ in range(2):  # a concurrent insert is invisible to the first look, visible to the second
        rows = store.rows("register_target", {"name": name})
        if rows:
            return int(rows[0]["target_id"])
    raise ConfigurationError(f"target {name!r} could not be registered", "try again")


def find(store: Store, name: str) -> int | None:
    """Return the target's number, None when it was never swept."""
    rows = store.rows("target_id", {"name": name})
    return int(rows[0]["target_id"]) if rows else None
