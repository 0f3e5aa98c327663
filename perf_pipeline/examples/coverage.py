"""Write `docs/coverage.md` from the catalogues: what answers each row of the capability list.

`python -m perf_pipeline.examples.coverage` writes it, `--check` says whether it is out of date.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import catalogue
from perf_pipeline.examples.catalogue import Row

#: Of each catalogue: the letter of its rows, how many there are, and what it is about.
SECTIONS: Final[Mapping[str, tuple[str, int, str]]] = {
    "thorbis": ("T", 54, "thorbis: field service, repair shops, restaurants, retail"),
    "benchmarks": ("B", 79, "Load testing"),
    "menuca": ("M", 53, "menuca: restaurants that take orders"),
    "omninode": ("O", 31, "omninode: an event bridge"),
    "guardian": ("G", 107, "guardian: healthcare"),
    "faults": ("D", 138, "Faults of the description, and what keeps ours from them"),
}
#: Not a row of the list, but of what the list's sources do wrong: three digits, words of its own.
_FAULTS: Final = "D"
_OF_FAULTS: Final = {"built": "avoided", "partly": "partly", "not yet": "not yet"}
#: What each list of a row is called on the page, in the order of appearance.
_NAMES: Final = {
    "statements": "statement",
    "store": "store",
    "assets": "asset",
    "checks": "check",
    "automation": "automation",
    "commands": "command",
    "code": "code",
    "files": "file",
    "tests": "test",
}
#: More names than these are counted; all of them are in the catalogue.
_SHOWN: Final = 9
_HEAD: Final = """\
# What answers each row of the capability list

Written by `make coverage` from the files in `perf_pipeline/examples/catalogue/`; do not edit. How
to change a row is in [examples.md](examples.md#what-answers-which-row). Tests look for everything
that is named here: objects in the databases of the systems and of the store on every version,
assets, checks and automation in the definitions, commands in the program, statements, files, code
and tests in the repository. Assets and checks are those of one target; every declared one has them.

*built*: all of it is there. *partly*: what is missing is said last. *not yet*: nothing is there;
the reason names the theme. The last section is about the description's faults; a fault is
*not yet* avoided where nothing is built that could have it.
"""


def rows() -> dict[str, tuple[Row, ...]]:
    """Return the rows of every catalogue, in the order of the page.

    Raises
    ------
    ConfigurationError
        A catalogue is unknown here, or a row is missing, twice or out of order: names it.

    """
    unknown = set(catalogue.files()) ^ set(SECTIONS)
    if unknown:
        raise ConfigurationError(
            f"catalogues and sections differ: {', '.join(sorted(unknown))}",
            "name every file of perf_pipeline/examples/catalogue in coverage.SECTIONS",
        )
    found = {}
    for name, (letter, count, _) in SECTIONS.items():
        found[name] = catalogue.rows(name)
        digits = 3 if letter == _FAULTS else 2
        wanted = [f"{letter}-{number:0{digits}d}" for number in range(1, count + 1)]
        listed = [row.row for row in found[name]]
        if listed != wanted:
            wrong = sorted(set(listed) ^ set(wanted)) or ["their order"]
            raise ConfigurationError(
                f"{name}.yaml: rows differ from {wanted[0]} to {wanted[-1]}: {', '.join(wrong)}",
                "list every row once, in order",
            )
    return found


def render(found: Mapping[str, Sequence[Row]]) -> str:
    """Return the page as Markdown (pure)."""
    lines = [_HEAD]
    for name, section in found.items():
        states: Counter[str] = Counter(row.state for row in section)
        faults = SECTIONS[name][0] == _FAULTS
        words = _OF_FAULTS if faults else {state: state for state in _OF_FAULTS}
        told = ", ".join(f"{states[state]} {word}" for state, word in words.items())
        lines += [f"## {SECTIONS[name][2]}", "", f"{len(section)} rows: {told}.", ""]
        lines += [
            f"| row | {'what went wrong' if faults else 'what'} | | by |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {row.row} | {_cell(row.what)} | {words[row.state]} | {_answers(row)} |"
            for row in section
        ]
        lines.append("")
    return "\n".join(lines)


def page() -> Path:
    """Return where the page lies in the repository."""
    return Path(__file__).resolve().parents[2] / "docs" / "coverage.md"


def _answers(row: Row) -> str:
    told = [
        _list(kind, [item.name for item in row.objects if item.kind == kind])
        for kind in dict.fromkeys(item.kind for item in row.objects)
    ]
    told += [_list(_NAMES[key], row.lists[key]) for key in _NAMES if key in row.lists]
    if row.elsewhere:
        told.append(_cell(row.elsewhere))
    if row.not_yet:
        told.append(f"*not yet:* {_cell(row.not_yet)}")
    return "; ".join(told)


def _list(kind: str, names: Sequence[str]) -> str:
    shown = [f"`{name.replace('perf_pipeline_tests/', '')}`" for name in names[:_SHOWN]]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{kind} {', '.join(shown)}{more}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` compare it; return the exit code: 0, 1 (differs), 2."""
    if list(arguments) not in ([], ["--check"]):
        sys.stderr.write("usage: python -m perf_pipeline.examples.coverage [--check]\n")
        return 2
    text, path = render(rows()), page()
    if not arguments:
        path.write_text(text, encoding="utf-8")
        return 0
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{path.name} is out of date: run `make coverage`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
