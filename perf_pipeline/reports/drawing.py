"""What all our charts are drawn with: colours, numbers, strokes, labels, frames. Pure.

Inline charts take their colours from the page's CSS variables, so that one chart serves light, dark
and print; a standalone chart (an image in Markdown) brings a card of its own with fixed colours.
Blue, vermilion, green and purple are Okabe and Ito's (2008), which colour-blind readers can tell
apart; nothing is told by colour alone.

A drawing fills any width without distorting its text: what scales lies in an inner viewport whose
strokes do not scale, text and marks are placed by percentage.
"""

import html
from dataclasses import dataclass
from datetime import datetime

from perf_pipeline.reports import scales, units

WIDE = 1000  # inner units across


@dataclass(frozen=True)
class Palette:
    """Colours of a chart, as CSS values."""

    ink: str = "var(--ink)"
    muted: str = "var(--muted)"
    grid: str = "var(--rule)"
    card: str = "var(--card)"
    dot: str = "var(--dot)"
    band: str = "var(--band)"
    old: str = "var(--old)"
    new: str = "var(--new)"
    event: str = "var(--event)"


INLINE = Palette()
#: On a white card, each text colour at least 4.5 : 1 against it (WCAG 2.2, 1.4.3).
FIXED = Palette(
    ink="#1c2733",
    muted="#566270",
    grid="#dfe4ea",
    card="#ffffff",
    dot="#7c8a9a",
    band="#d5e9f5",
    old="#0067a3",
    new="#b84a00",
    event="#8a4478",
)


def number(value: float) -> str:
    """Return a coordinate: one decimal, never a minus zero."""
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def percent(part: float) -> str:
    """Return a part of the width as a place."""
    return f"{number(part * 100)}%"


def anchor(part: float) -> str:
    """Return the attribute that keeps a text at this part of the width inside the drawing."""
    if part < 0.1:
        return ""
    return f' text-anchor="{"end" if part > 0.9 else "middle"}"'


def escaped(text: str) -> str:
    """Return a text as SVG may hold it."""
    return html.escape(units.clean(text))


def viewport(inner: str, top: int, height: int) -> str:
    """Return the part that scales, below `top` pixels."""
    return (
        f'<svg x="0" y="{top}" width="100%" height="{height}" viewBox="0 0 {WIDE} {height}"'
        f' preserveAspectRatio="none">{inner}</svg>'
    )


def framed(
    body: str,
    *,
    title: str,
    name: str,
    width: int | None,
    height: int,
    palette: Palette,
    description: str = "",
) -> str:
    """Return a whole `<svg>` element around a drawing, for readers who do not see it too.

    Parameters
    ----------
    body : str
    title, description : str
        For readers who do not see it; without the latter it has none.
    name : str
        Prefix of its ids: unique on its page.
    width : int or None
        Pixels of a standalone picture with a card; None: as wide as its place.
    height : int
        Pixels of the body.
    palette : Palette

    """
    font = 'font-family="system-ui,-apple-system,\'Segoe UI\',sans-serif" font-size="12"'
    by = f"{name}-t {name}-d" if description else f"{name}-t"
    labelled = f'role="img" aria-labelledby="{by}"'
    names = f'<title id="{name}-t">{escaped(title)}</title>'
    if description:
        names += f'<desc id="{name}-d">{escaped(description)}</desc>'
    if width is None:
        opened = f'<svg class="chart" {labelled} width="100%" height="{height}" {font}>'
        return f"{opened}{names}{body}</svg>"
    pad = 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {labelled} width="{width}"'
        f' height="{height + 2 * pad}" {font}>{names}<rect x="0.5" y="0.5" width="{width - 1}"'
        f' height="{height + 2 * pad - 1}" rx="8" fill="{palette.card}" stroke="{palette.grid}"/>'
        f'<svg x="{pad}" y="{pad}" width="{width - 2 * pad}" height="{height}">{body}</svg></svg>'
    )


@dataclass(frozen=True)
class Canvas:
    """Two axes, colours, and where the plot lies: `top` pixels down, `plot` high."""

    values: scales.Axis
    times: scales.TimeAxis
    palette: Palette
    top: int
    plot: int

    def x(self, ts: datetime) -> float:
        """Return how far right an instant is, in inner units."""
        return self.times.at(ts) * WIDE

    def y(self, value: float) -> float:
        """Return how far below the top of the plot a value is, in pixels."""
        return (1 - self.values.at(value)) * self.plot

    def gridlines(self) -> str:
        """Draw a hair line at each tick of the value axis."""
        path = "".join(f"M0 {number(self.y(tick))}H{WIDE}" for tick in self.values.ticks())
        return self.stroke(path, self.palette.grid, 1)

    def upright(self, ts: datetime, colour: str, width: float, dash: str) -> str:
        """Draw a dashed line at an instant."""
        path = f"M{number(self.x(ts))} 0V{self.plot}"
        return self.stroke(path, colour, width, f' stroke-dasharray="{dash}"')

    def stroke(self, path: str, colour: str, width: float, extra: str = "") -> str:
        """Return a path that is not filled, and whose width does not scale."""
        if not path:
            return ""
        return (
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{number(width)}"'
            f' vector-effect="non-scaling-stroke"{extra}/>'
        )

    def label(self, place: str, y: float, colour: str, text: str, extra: str = "") -> str:
        """Return a text; the stroke below its letters keeps it readable over lines and dots."""
        return (
            f'<text x="{place}" y="{number(y)}" fill="{colour}" stroke="{self.palette.card}"'
            f' stroke-width="4" stroke-linejoin="round" paint-order="stroke"{extra}>'
            f"{escaped(text)}</text>"
        )

    def time_labels(self) -> str:
        """Label the ticks of the time axis below the plot."""
        parts = []
        for ts, text in self.times.ticks():
            part = self.times.at(ts)
            parts.append(
                self.label(
                    percent(part),
                    self.top + self.plot + 17,
                    self.palette.muted,
                    text,
                    anchor(part),
                )
            )
        return "".join(parts)
