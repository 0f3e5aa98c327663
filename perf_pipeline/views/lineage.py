"""What views rest on, written down: definitions load without asking any server."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.views.graph import Graph
from perf_pipeline.views.model import ViewPolicy

_KINDS = {"r": "table", "p": "table", "f": "table", "v": "view", "m": "matview"}


@dataclass(frozen=True)
class Lineage:
    """What each view of a target reads itself.

    Attributes
    ----------
    reads : Mapping of name to names
        Of declared views, and of the plain views and other materialized views between.
    kinds : Mapping of name to str
        `table`, `view` or `matview` of everything named.

    """

    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return it as its file's text; the same lineage gives the same text."""
        value = {
            "reads": {name: list(self.reads[name]) for name in sorted(self.reads)},
            "kinds": {name: self.kinds[name] for name in sorted(self.kinds)},
        }
        return json.dumps(value, indent=2) + "\n"


def of(graph: Graph, policies: Sequence[ViewPolicy], told: Mapping[str, Sequence[str]]) -> Lineage:
    """Return the lineage of some views; pure.

    Parameters
    ----------
    graph : Graph
        Of these views.
    policies : sequence of ViewPolicy
    told : Mapping of view name to names
        What they read through functions, as declared.

    """
    reads: dict[str, tuple[str, ...]] = {}
    kinds: dict[str, str] = {}
    incremental = {each.name for each in policies if each.rollup is not None}
    for node in graph.nodes.values():
        # what lies beneath an incremental view is ours: its declaration says what it reads
        if node.name.startswith("perf_pipeline_meta."):
            continue
        kinds[node.name] = _KINDS[node.kind]
        if node.kind in "vm" and node.name not in incremental:
            names = {graph.nodes[oid].name for oid in node.reads if oid in graph.nodes}
            reads[node.name] = tuple(sorted(names | set(told.get(node.name, ()))))
    for policy in policies:
        if policy.rollup is not None:
            reads[policy.name] = (policy.rollup.source,)
            kinds.setdefault(policy.rollup.source, "table")
        for name in told.get(policy.name, ()):
            kinds.setdefault(name, "table")
        kinds[policy.name] = "matview"
        reads.setdefault(policy.name, ())
    return Lineage(reads, kinds)


def file_of(declared_in: Path, target: str) -> Path:
    """Return where a target's lineage is written: beside the YAML that declares it."""
    folder = declared_in if declared_in.is_dir() else declared_in.parent
    return folder / f"lineage_{target}.json"


def load(path: Path) -> Lineage | None:
    """Return what was written, None where nothing was.

    Raises
    ------
    ConfigurationError
        It is no lineage.

    """
    if not path.is_file():
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return Lineage(
            {name: tuple(each) for name, each in value["reads"].items()}, dict(value["kinds"])
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{path} is no lineage of views ({error})",
            "write it again: perf-pipeline views lineage --target NAME --write",
        ) from error
