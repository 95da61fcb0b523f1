"""Line charts as SVG in HTML: drawn on the server, coloured by the page, fetched from nowhere."""

from collections.abc import Sequence
from html import escape

Points = Sequence[tuple[float, float]]

MOST_POINTS = 240
"""A longer series is drawn as the means of neighbours: the screen has no more pixels for it."""

MOST_DOTS = 16


def figure(value: object) -> str:
    """A number as a person writes it; anything else as escaped text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return escape(str(value))
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", "\u202f").replace("-", "−")
    digits = ".0f" if abs(value) >= 100 else ".3g" if abs(value) >= 0.01 else ".2g"
    return f"{value:{digits}}".replace("-", "−")


def line_chart(title: str, points: Points, *, x_name: str = "step", bounds: tuple[float, float] | None = None) -> str:
    """One series with its last value beside the title; `bounds` fixes the vertical axis."""
    points = _thin([(x, y) for x, y in points if y is not None and abs(y) < float("inf")])
    if not points:
        return ""
    low, high = bounds or _bounds(points)
    left, right = points[0][0], points[-1][0]
    placed = [(_share(x, left, right), 1 - _share(y, low, high)) for x, y in points]
    path = " ".join(f"{'L' if i else 'M'}{100 * x:.2f} {100 * y:.2f}" for i, (x, y) in enumerate(placed))
    name = escape(title)
    last = figure(points[-1][1])
    return f"""<figure class="chart"><figcaption><span title="{name}">{name}</span><b>{last}</b></figcaption>
<div class="plot"><span class="high">{figure(high)}</span><span class="low">{figure(low)}</span>
<div class="area"><svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img"
 aria-label="{name}, last value {last}"><path d="{path}" vector-effect="non-scaling-stroke"/></svg>
{_dots(points, placed, x_name)}</div>
<span class="from">{x_name} {figure(left)}</span><span class="to">{figure(right)}</span></div></figure>"""


def _dots(points: Points, placed: Points, x_name: str) -> str:
    shown = range(len(points)) if len(points) <= MOST_DOTS else [len(points) - 1]
    return "".join(
        f'<i style="left:{100 * placed[i][0]:.2f}%;top:{100 * placed[i][1]:.2f}%"'
        f' title="{x_name} {figure(points[i][0])}: {figure(points[i][1])}"></i>'
        for i in shown
    )


def _share(value: float, low: float, high: float) -> float:
    """Where between `low` and `high`; the middle where they are the same."""
    return min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5


def _bounds(points: Points) -> tuple[float, float]:
    values = [y for _, y in points]
    return min(values), max(values)


def _thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    size = -(-len(points) // MOST_POINTS) or 1
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]
