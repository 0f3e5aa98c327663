"""Text files that others read while we write: each is there whole, or as it was."""

import os
from pathlib import Path


def replace(path: Path, text: str) -> Path:
    """Write a file in one step, its folders too, and return its absolute path."""
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
    return path
