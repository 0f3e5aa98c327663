"""A scenario as scripts of pgbench: the parameters' lines, then the operation's own statement."""

from pathlib import Path
from typing import Final

from perf_pipeline.errors import InputError
from perf_pipeline.loadtests import generators
from perf_pipeline.loadtests.pgbench_call import Script
from perf_pipeline.loadtests.scenario import Operation, Scenario, parameters

#: pgbench takes whole weights: two decimals of a per cent are kept of a peak's.
_SCALE: Final = 100


def text(scenario: Scenario, operation: Operation) -> str:
    """Return one operation as a script; pure.

    Raises
    ------
    ConfigurationError
        A generator is not known.
    InputError
        No values were drawn for a captured statement.

    """
    if operation.statement:
        if not operation.drawn:
            raise InputError(
                f"operation {operation.name!r} was captured and has no values yet",
                "draw them from the database that is put under load (draws.filled)",
            )
        return operation.drawn
    file = scenario.files[operation.name]
    made = generators.lines(parameters(file), operation.name)
    return "\n".join((*made, file.text.rstrip(), ""))


def weight(operation: Operation, *, peak: bool) -> int:
    """Return the share of an operation in hundredths of a per cent; at the peak, before others'."""
    return round(operation.weight * (operation.peak_multiplier if peak else 1.0) * _SCALE)


def write(scenario: Scenario, folder: Path, *, peak: bool = False) -> tuple[Script, ...]:
    """Write the scenario's scripts into a folder and return them with their weights.

    Parameters
    ----------
    scenario : Scenario
    folder : Path
        Made if absent.
    peak : bool
        Whether each weight is multiplied by its operation's `peak_multiplier`.

    """
    folder.mkdir(parents=True, exist_ok=True)
    scripts = []
    for operation in scenario.operations:
        path = folder / f"{operation.name}.sql"
        path.write_text(text(scenario, operation), encoding="utf-8")
        scripts.append(Script(operation.name, path, weight(operation, peak=peak)))
    return tuple(scripts)
