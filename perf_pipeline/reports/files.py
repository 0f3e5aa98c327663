"""Reports as files beside the store, for a browser and for attaching to a mail."""

from datetime import date
from pathlib import Path

from perf_pipeline.store import whole_file


def write(folder: Path, target_name: str, day: date, html: str, kind: str = "") -> Path:
    """Write a report and return its path, `<folder>/<target>/[<kind>/]<day>.html`.

    Parameters
    ----------
    folder : pathlib.Path
        Created when absent.
    target_name : str
    day : date
    html : str
        The whole page.
    kind : str
        A folder of its own; empty for the day's report.

    Returns
    -------
    pathlib.Path
        Absolute; the file is replaced in one step.

    """
    return whole_file.replace(folder / target_name / kind / f"{day.isoformat()}.html", html)
