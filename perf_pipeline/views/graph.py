"""The dependency graph of views: what each rests on, and in which order they can be refreshed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.views.model import Node

_TABLES = frozenset("rpfm")


@dataclass(frozen=True)
class Graph:
    """The relations that some views rest on, by oid; pure."""

    nodes: Mapping[int, Node]

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> "Graph":
        """Return the graph of some relations; what they read and is not among them is left out."""
        found = {node.oid: node for node in nodes}
        return cls(found)

    def named(self, name: str) -> Node | None:
        """Return the relation of a name, None when there is none."""
        return next((node for node in self.nodes.values() if node.name == name), None)

    def closure(self, node: Node) -> tuple[Node, ...]:
        """Return a view and the plain views it is made of, itself first, each once."""
        found: dict[int, Node] = {node.oid: node}
        waiting = [node]
        while waiting:
            for oid in waiting.pop().reads:
                other = self.nodes.get(oid)
                if other is not None and other.kind == "v" and oid not in found:
                    found[oid] = other
                    waiting.append(other)
        return tuple(found.values())

    def sources(self, node: Node) -> tuple[Node, ...]:
        """Return the tables and materialized views that a view reads, through plain views."""
        found: dict[int, Node] = {}
        for part in self.closure(node):
            for oid in part.reads:
                other = self.nodes.get(oid)
                if other is not None and other.kind in _TABLES:
                    found[oid] = other
        found.pop(node.oid, None)
        return tuple(sorted(found.values(), key=lambda each: each.name))

    def rests_on(self, name: str, names: Sequence[str]) -> tuple[str, ...]:
        """Return those of some views that a view reads, directly or through plain views."""
        node = self.named(name)
        if node is None:
            return ()
        # an incremental view is a plain view to the catalog: it counts as itself, too
        near = {each.name for each in (*self.sources(node), *self.closure(node))}
        return tuple(sorted(other for other in names if other != name and other in near))


def levels(graph: Graph, names: Sequence[str]) -> dict[str, int]:
    """Return the level of each view: 0 rests on none of the others, n on one of level n - 1.

    Parameters
    ----------
    graph : Graph
    names : sequence of str
        The views to order.

    Returns
    -------
    dict of name to int
        In an order in which they can be refreshed: by level, then by name.

    Raises
    ------
    ConfigurationError
        They rest on each other in a circle (PostgreSQL allows none; a graph read while somebody
        changed the views may show one).

    """
    before = {name: set(graph.rests_on(name, names)) for name in names}
    found: dict[str, int] = {}
    level = 0
    while before:
        ready = sorted(name for name, others in before.items() if not others)
        if not ready:
            raise ConfigurationError(
                f"views {', '.join(sorted(before))} rest on each other in a circle",
                "plan again; somebody was changing them",
            )
        for name in ready:
            found[name] = level
            del before[name]
        for others in before.values():
            others.difference_update(ready)
        level += 1
    return found
