"""The pages' colours: every text is legible in light, in dark and on paper."""

import re
from pathlib import Path

import pytest

from perf_pipeline.reports import render

CSS = Path(render.__file__).with_name("templates") / "report.css"
#: Text and what lies behind it; WCAG 2.2, 1.4.3 asks for 4.5 : 1.
PAIRS = [
    *((text, ground) for text in ("ink", "muted", "link") for ground in ("bg", "card", "soft")),
    *((text, "card") for text in ("old", "new", "event", "critical", "good", "info")),
    ("on-critical", "critical"),
    ("warning", "warning-bg"),
    ("good", "good-bg"),
]


def schemes() -> dict[str, dict[str, str]]:
    css = CSS.read_text("utf-8")
    found = [
        dict(re.findall(r"--([\w-]+):(#[0-9a-f]+)", block))
        for block in re.findall(r":root\{([^}]*)\}", css)
    ]
    return dict(zip(("light", "dark", "print"), found, strict=True))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_measured_as_the_standard_says() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_is_legible(scheme: str, text: str, ground: str) -> None:
    colours = schemes()[scheme]
    assert contrast(colours[text], colours[ground]) >= 4.5


def test_motion_paper_and_dark_are_thought_of() -> None:
    css = CSS.read_text("utf-8")
    for media in ("prefers-color-scheme:dark", "prefers-reduced-motion:reduce", "print"):
        assert re.search(rf"@media \(?{media}", css)
    assert ":focus-visible" in css
