"""Dagster's entry: the definitions under `defs/`, and the executor of all of them."""

import warnings
from pathlib import Path

import dagster as dg

# Dagster warns of its own internal call whenever a component has asset checks: in every log of
# every process, with nothing anybody could do.
warnings.filterwarnings("ignore", "Parameter `execution_type` of function", dg.BetaWarning)


@dg.definitions
def defs() -> dg.Definitions:
    """Load `defs/`. Steps run inside their run's process.

    The default executor starts a process per step, and each imports all definitions again:
    50 targets took 604 s instead of 20 s. A job that needs it can choose its own.
    """
    loaded = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return dg.Definitions.merge(loaded, dg.Definitions(executor=dg.in_process_executor))
