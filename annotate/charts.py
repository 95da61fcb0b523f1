"""Line charts as HTML with SVG in it: drawn on the server, coloured by the page's styles, loading nothing more."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

Points = Sequence[tuple[float, float]]

MOST_POINTS = 240
"""A longer series is drawn as the means of neighbours: the screen has no more pixels for it."""

MOST_DOTS = 16
"""A longer series has a dot only at its end: more of them would hide the line."""

# Numbers are to be taken in at a glance: from 1000 on in groups of three digits, from 100 on without decimals, else
# with three digits that count; below a hundredth with two, because its zeros make it long enough.
_GROUPED, _WHOLE, _TINY = 1000, 100, 0.01

# The drawing is 100 by 100 and stretched to its place, so that a share in percent is a place in it.
_CHART = Markup("""<figure class="chart"><figcaption><span title="{told}">{name}</span><b>{last}</b></figcaption>
<div class="plot"><span class="high">{high}</span><span class="low">{low}</span>
<div class="area"><svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img"
 aria-label="{name}, last value {last}">{others}<path d="{path}" vector-effect="non-scaling-stroke"/></svg>
{dots}</div>
<span class="from">{x_name} {left}</span><span class="to">{right}</span></div></figure>""")

_OTHER = Markup('<path class="other" d="{}" vector-effect="non-scaling-stroke"/>')


def number(value: object) -> str:
    """A number as a person writes it, as text; of anything else, its `str`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or abs(value) >= _GROUPED:
        return f"{value:,.0f}".replace(",", "\u202f").replace("-", "−")
    digits = ".0f" if abs(value) >= _WHOLE else ".3g" if abs(value) >= _TINY else ".2g"
    return f"{value:{digits}}".replace("-", "−")


def line_chart(
    title: str,
    points: Points,
    *,
    x_name: str = "step",
    bounds: tuple[float, float] | None = None,
    told: str = "",
    others: Sequence[Points] = (),
) -> Markup:
    """A curve through `points` (x, y), its last y beside the title; empty where no y is a finite number.

    `bounds` are the lowest and highest y of the axis; without them, those of all the points. `told` says more than
    the title where that is pointed at; `others` are faint curves behind it, on the same axes.
    """
    points, *behind = (_thin(_finite(series)) for series in (points, *others))
    if not points:
        return Markup("")
    every = [point for series in (points, *behind) for point in series]
    low, high = bounds or _bounds(every)
    left, right = min(x for x, _ in every), max(x for x, _ in every)
    placed, *faint = (
        [(_share(x, left, right), 1 - _share(y, low, high)) for x, y in series] for series in (points, *behind)
    )
    return _CHART.format(
        name=title,
        told=f"{title}: {told}" if told else title,
        others=Markup("").join(_OTHER.format(_path(series)) for series in faint if series),
        last=number(points[-1][1]),
        high=number(high),
        low=number(low),
        path=_path(placed),
        dots=_dots(points, placed, x_name),
        x_name=x_name,
        left=number(left),
        right=number(right),
    )


def _finite(points: Points) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if y is not None and abs(y) < float("inf")]


def _path(placed: Points) -> str:
    """A line through places, each a share of the width and of the height from the top."""
    return " ".join(f"{'L' if i else 'M'}{100 * x:.2f} {100 * y:.2f}" for i, (x, y) in enumerate(placed))


def _dots(points: Points, placed: Points, x_name: str) -> Markup:
    shown = range(len(points)) if len(points) <= MOST_DOTS else [len(points) - 1]
    dot = Markup('<i style="left:{:.2f}%;top:{:.2f}%" title="{}"></i>')
    return Markup("").join(
        dot.format(100 * placed[i][0], 100 * placed[i][1], f"{x_name} {number(points[i][0])}: {number(points[i][1])}")
        for i in shown
    )


def _share(value: float, low: float, high: float) -> float:
    """How far `value` lies from `low` to `high`, from 0 to 1; the middle where the two are the same."""
    return min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5


def _bounds(points: Points) -> tuple[float, float]:
    values = [y for _, y in points]
    return min(values), max(values)


def _thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    size = -(-len(points) // MOST_POINTS) or 1
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]


@dataclass(frozen=True)
class Spot:
    """A named point of a plane, with the ends of its interval along y where they are known."""

    x: float
    y: float
    name: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """Spots that a line joins in their order; `look` is the class by which its style is set."""

    title: str
    look: str
    spots: tuple[Spot, ...]


_EDGE = 12
"""Percent of the width: nearer to a side than this, a name begins or ends at its point, else its middle is there."""

_PLANE = Markup("""<figure class="chart plane"><figcaption><span>{title}</span></figcaption>
<div class="plot"><span class="high">{high}</span><span class="low">{low}</span>
<div class="area"><svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="{said}">
{half}{paths}</svg>
{spots}</div><span class="from">0</span><span class="to">{x_name} {right}</span></div>
<ul class="legend">{legend}</ul></figure>""")
_PATH = Markup('<path class="{}" d="{}" vector-effect="non-scaling-stroke"/>')
_HALF = Markup('<path class="half" d="M0 50 L100 50" vector-effect="non-scaling-stroke"/>')
_SPOT = Markup('<i class="{look}" style="left:{x:.2f}%;top:{y:.2f}%" title="{said}"></i>')
_NAME = Markup('<span class="name {look} {side}" style="left:{x:.2f}%;top:{y:.2f}%">{name}</span>')
_REACH = Markup('<u class="{look}" style="left:{x:.2f}%;top:{top:.2f}%;height:{height:.2f}%"></u>')


def plane(title: str, x_name: str, lines: Sequence[Line], *, bounds: tuple[float, float] | None = None) -> Markup:
    """Lines through named points (x from 0 on), each with its interval; empty where there is no point.

    `bounds` are the lowest and highest y of the axis, whose middle is marked then; without them, those of the points.
    """
    every = [spot for line in lines for spot in line.spots]
    if not every:
        return Markup("")
    low, high = bounds or _margin(_bounds([(spot.x, spot.y) for spot in every]))
    right = max(spot.x for spot in every) or 1.0
    said = "; ".join(f"{s.name}: {number(s.y)} at {number(s.x)}" for line in lines for s in line.spots)
    placed = [(line, [(spot, *_place(spot, right, low, high)) for spot in line.spots]) for line in lines]
    paths = [
        _PATH.format(line.look, " ".join(f"{'L' if i else 'M'}{x:.2f} {y:.2f}" for i, (_, x, y) in enumerate(at)))
        for line, at in placed
    ]
    spots = [_spot(line.look, spot, x, y, (low, high)) for line, at in placed for spot, x, y in at]
    legend = [Markup('<li class="{}">{}</li>').format(line.look, line.title) for line in lines]
    return _PLANE.format(
        title=title,
        x_name=x_name,
        said=f"{title}: {said}",
        high=number(high),
        low=number(low),
        right=number(right),
        half=_HALF if bounds else "",
        paths=Markup("").join(paths),
        spots=Markup("").join(spots),
        legend=Markup("").join(legend),
    )


def _place(spot: Spot, right: float, low: float, high: float) -> tuple[float, float]:
    """Where a spot lies, in percent from the left and from the top."""
    return 100 * _share(spot.x, 0.0, right), 100 * (1 - _share(spot.y, low, high))


def _spot(look: str, spot: Spot, x: float, y: float, ends: tuple[float, float]) -> Markup:
    said = f"{spot.name}: {number(spot.y)} at {number(spot.x)}"
    drawn = _SPOT.format(look=look, x=x, y=y, said=said)
    drawn += _NAME.format(
        look=look, side="first" if x < _EDGE else "last" if x > 100 - _EDGE else "", x=x, y=y, name=spot.name
    )
    if spot.low is not None and spot.high is not None:
        top, bottom = (100 * (1 - _share(end, *ends)) for end in (spot.high, spot.low))
        drawn += _REACH.format(look=look, x=x, top=top, height=bottom - top)
    return drawn


def _margin(ends: tuple[float, float]) -> tuple[float, float]:
    """The ends of an axis, a little beyond the points, so that no name is cut."""
    room = 0.1 * (ends[1] - ends[0]) or 1.0
    return ends[0] - room, ends[1] + room
