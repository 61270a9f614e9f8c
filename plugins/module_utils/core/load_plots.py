# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves as inline SVG: no script, the page's colours, and in words what they show for who cannot see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Optional

from .markup import Markup, element

WIDTH, HEIGHT = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 12, 12, 28

#: Lines differ by their dashes too: not everybody tells colours apart.
PLOT_STYLE = """
figure { margin: .5rem 0; } figcaption { font-weight: 600; padding: .25rem 0; }
svg { width: 100%; max-width: 60rem; height: auto; border: 1px solid var(--line);
  color: var(--text); background: var(--card); }
svg text { fill: currentColor; font-size: 12px; } .axis { stroke: var(--line); }
.curve { fill: none; stroke-width: 2; } .plain { stroke: var(--text); }
.second { stroke: var(--good); stroke-dasharray: 7 3; } .third { stroke: var(--bad); stroke-dasharray: 2 2; }
"""


@dataclass(frozen=True)
class Curve:
    """``values`` in the order of the points, None where there is nothing. ``look``: plain, second or third."""

    label: str
    look: str
    values: Sequence[Optional[float]]


def plot(title: str, unit: str, ticks: Sequence[str], curves: Sequence[Curve]) -> Markup:
    """A figure. ``ticks`` name the points; the first, the middle and the last are written."""
    count = max((len(curve.values) for curve in curves), default=0)
    known = [value for curve in curves for value in curve.values if value is not None]
    if not known:
        return Markup("")
    top = max(known) or 1.0
    shapes = [element("path", class_="axis", d=_grid(), fill="none")]
    for part in (0.0, 0.5, 1.0):
        shapes.append(_text(_LEFT - 6, _y(part) + 4, "end", f"{top * part:.3g}"))
    for place in sorted({0, count // 2, count - 1}):
        anchor = "start" if place == 0 else "end" if place == count - 1 else "middle"
        shapes.append(_text(_x(place, count), HEIGHT - 8, anchor, ticks[place]))
    shapes += [
        element("path", element("title", curve.label), class_=f"curve {curve.look}", d=_line(curve.values, count, top))
        for curve in curves
    ]
    drawing = element(
        "svg", *shapes, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=_words(title, unit, curves)
    )
    return element("figure", element("figcaption", f"{title} ({unit})"), _legend(curves), drawing)


def _legend(curves: Sequence[Curve]) -> Markup:
    looks = {"plain": "line", "second": "dashes", "third": "dots"}
    return element("p", ", ".join(f"{looks[curve.look]}: {curve.label}" for curve in curves), class_="note")


def _words(title: str, unit: str, curves: Iterable[Curve]) -> str:
    told = []
    for curve in curves:
        known = [value for value in curve.values if value is not None]
        told.append(f"{curve.label} from {min(known):.3g} to {max(known):.3g}" if known else f"no {curve.label}")
    return f"{title} in {unit}: {'; '.join(told)}"


def _line(values: Sequence[Optional[float]], count: int, top: float) -> str:
    """Moves over what is missing; a value alone is a point."""
    words = []
    drawing = False
    for place, value in enumerate(values):
        if value is not None:
            where = f"{_x(place, count):.1f} {_y(value / top):.1f}"
            words.append(f"{'L' if drawing else 'M'}{where}" + ("" if drawing else "h0.1"))
        drawing = value is not None
    return "".join(words)


def _grid() -> str:
    return "".join(f"M{_LEFT} {_y(part):.1f}H{WIDTH - _RIGHT}" for part in (0.0, 0.5, 1.0))


def _x(place: int, count: int) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * place / max(1, count - 1)


def _y(part: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * part


def _text(x: float, y: float, anchor: str, words: str) -> Markup:
    return element("text", words, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)
