"""The shape of the code: arrows one way, modules of a readable size, a lock without addresses."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "perf_pipeline"

#: About 400 lines is what a reader keeps in mind; a few more are no reason to cut in a bad place.
MOST_LINES = 420


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def copy_of_the_project(folder: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(PACKAGE, folder / "perf_pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_arrows_run_one_way(tmp_path: Path) -> None:
    done = lint_imports(copy_of_the_project(tmp_path))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("store/targets.py", "import dagster", "Logic never imports dagster"),
        ("postgres/copy.py", "import perf_pipeline.store", "Arrows run one way"),
        ("reports/units.py", "import perf_pipeline.snapshots.deltas", "Arrows run one way"),
    ],
)
def test_a_wrong_arrow_is_noticed(tmp_path: Path, module: str, line: str, contract: str) -> None:
    path = copy_of_the_project(tmp_path) / "perf_pipeline" / module
    path.write_text(f"{path.read_text('utf-8')}\n{line}\n", "utf-8")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout


def test_modules_keep_a_readable_size() -> None:
    sizes = {
        path.relative_to(ROOT): len(path.read_text("utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}


def test_the_lock_holds_names_versions_and_hashes_only() -> None:
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        pin = r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9_,-]+\])?==\S+( ; .+)? \\"
        assert re.fullmatch(rf"{pin}|    --hash=sha256:[0-9a-f]{{64}}( \\)?", line), line


def test_the_lock_pins_every_dependency_we_name() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    named = re.findall(r'^  "([A-Za-z0-9._-]+)(?:\[\w+\])?[<>=]', project, re.MULTILINE)
    locked = set(
        re.findall(r"^([a-z0-9._-]+)", (ROOT / "constraints.txt").read_text("utf-8"), re.M)
    )
    assert len(named) > 20
    assert {name.lower() for name in named} <= locked
