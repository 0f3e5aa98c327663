"""Reports as files beside the store, for a browser and for attaching to a mail."""

import os
from datetime import date
from pathlib import Path


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
    return replace(folder / target_name / kind / f"{day.isoformat()}.html", html)


def replace(path: Path, html: str) -> Path:
    """Write a file in one step, its folders too, and return its absolute path."""
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(html, encoding="utf-8")
    fresh.replace(path)
    return path
