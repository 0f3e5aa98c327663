"""The targets that are declared, for programs that need no Dagster definitions."""

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from perf_pipeline.components.target import PostgresTarget
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.postgres.target import Target
from perf_pipeline.recovery.model import Policy as RecoveryPolicy
from perf_pipeline.views import lineage
from perf_pipeline.views.model import ViewPolicy

TYPE = "perf_pipeline.components.PostgresTarget"
FOLDER = Path(__file__).resolve().parents[1] / "defs"


def declared_targets(folder: Path = FOLDER) -> tuple[Target, ...]:
    """Return the targets of every `defs.yaml` below a folder, by name.

    Parameters
    ----------
    folder : pathlib.Path
        Default: the definitions of this package.

    Raises
    ------
    ConfigurationError
        A file is no YAML, a block is not valid, or two blocks share a name.

    """
    found = _declared(folder)
    return tuple(found[name][1] for name in sorted(found))


def declared_component(name: str, folder: Path = FOLDER) -> PostgresTarget:
    """Return the block of one declared target, with its policies of maintenance.

    Raises
    ------
    ConfigurationError
        It is not declared; the message lists those that are.

    """
    found = _declared(folder)
    if name not in found:
        raise _unknown(name, found)
    return found[name][0]


def _declared(folder: Path) -> dict[str, tuple[PostgresTarget, Target]]:
    found: dict[str, tuple[PostgresTarget, Target]] = {}
    for path, text in _files(folder):
        for component, target in _resolved(path, text):
            if target.name in found:
                raise ConfigurationError(
                    f"{path}: target {target.name!r} is declared twice", "give one another name"
                )
            found[target.name] = component, target
    return found


@lru_cache(maxsize=256)  # a block takes 0.05 s, and is asked for several times by one command
def _resolved(path: Path, text: str) -> tuple[tuple[PostgresTarget, Target], ...]:
    found = []
    for attributes in _blocks(path, text):
        try:
            component = PostgresTarget.resolve_from_dict(attributes)
            target = component.target()
            component.partition_policies()
            component.cache_types()
            component.recovery_policy()
            component.replica_servers()
        except Exception as error:  # Dagster's and pydantic's, which share no base of their own
            message, remedy = _explained(error)
            raise ConfigurationError(f"{path}: {message}", remedy) from error
        found.append((component, target))
    return tuple(found)


def declared_target(name: str, folder: Path = FOLDER) -> Target:
    """Return one declared target.

    Raises
    ------
    ConfigurationError
        It is not declared; the message lists those that are.

    """
    targets = {target.name: target for target in declared_targets(folder)}
    if name not in targets:
        raise _unknown(name, targets)
    return targets[name]


def _unknown(name: str, known: Collection[str]) -> ConfigurationError:
    return ConfigurationError(
        f"target {name!r} is not declared",
        f"declared targets: {', '.join(sorted(known)) or 'none'}",
    )


def declared_views(name: str, folder: Path = FOLDER) -> tuple[Target, tuple[ViewPolicy, ...]]:
    """Return one declared target with what it declares of views.

    Raises
    ------
    ConfigurationError
        As `declared_target`.

    """
    component = declared_component(name, folder)
    return component.target(), component.view_policies()


def declared_caches(name: str, folder: Path = FOLDER) -> tuple[Target, tuple[CacheType, ...]]:
    """Return one declared target with the cache types it declares.

    Raises
    ------
    ConfigurationError
        As `declared_target`.

    """
    component = declared_component(name, folder)
    return component.target(), component.cache_types()


def declared_recovery(name: str, folder: Path = FOLDER) -> tuple[Target, RecoveryPolicy]:
    """Return one declared target with what it declares of backups and recovery.

    A target that declares nothing of it has the defaults: what is asked for by hand is meant.

    Raises
    ------
    ConfigurationError
        As `declared_target`.

    """
    component = declared_component(name, folder)
    return component.target(), component.recovery_policy() or RecoveryPolicy()


def lineage_file(name: str, folder: Path = FOLDER) -> Path:
    """Return where the lineage of a declared target's views is written.

    Raises
    ------
    ConfigurationError
        It is not declared.

    """
    path, _ = _block_of(name, folder)
    return lineage.file_of(path, name)


def _block_of(name: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    for path, text in _files(folder):
        for attributes in _blocks(path, text):
            if attributes.get("name") == name:
                return path, attributes
    raise ConfigurationError(f"target {name!r} is not declared", "add a defs.yaml that declares it")


def _explained(error: BaseException) -> tuple[str, str]:
    """Return what is wrong and what to do: our own error where it is the cause of Dagster's.

    A value of the wrong kind inside a block of a block is told by pydantic, below Dagster's error.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConfigurationError):
            return cause.message, cause.remedy
        if isinstance(cause, ValidationError) and cause is not error:
            first = cause.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            said = f"{cause.title}: {field} {first['input']!r}: {first['msg']}"
            return said, "correct that block"
        cause = cause.__cause__ or cause.__context__
    return str(error).replace(" at <string>:", ", line of the attributes "), "correct that block"


def _files(folder: Path) -> list[tuple[Path, str]]:
    return [(path, path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("defs.yaml"))]


def _blocks(path: Path, text: str) -> list[dict[str, Any]]:
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: {error}", "correct the YAML") from error
    return [
        document.get("attributes") or {}
        for document in documents
        if isinstance(document, dict) and document.get("type") == TYPE
    ]
