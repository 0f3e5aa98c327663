"""What a plan is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """One thing to do, or not to do and why.

    Attributes
    ----------
    operation : str
        `table.analyze`, `index.reindex`, `index.drop_leftover`, `rows.delete`,
        `rows.archive_orphans`.
    object_name : str
        `schema.name`.
    reason : str
        A line for a reader.
    todo : bool
        False: it would be due, and `reason` says why it is left alone.
    detail : Mapping
        What `apply` needs and a program reads; no literals of the user's data.

    """

    operation: str
    object_name: str
    reason: str
    todo: bool = True
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the step for printing."""
        return {
            "operation": self.operation,
            "object": self.object_name,
            "todo": self.todo,
            "reason": self.reason,
            **self.detail,
        }
