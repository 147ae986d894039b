"""A plot of what grows, as SVG: both axes logarithmic, so that what grows in proportion is a line of slope one."""

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, TOP = 620, 400, 60, 20
RIGHT, BOTTOM, LINE = 430, 350, 15
COLOURS = ("#1b6ca8", "#7a4fa3", "#b3541e", "#3a7d44")
HEAD = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'


class Series(NamedTuple):
    """One curve."""

    name: str
    values: Sequence[float]


class _Axis(NamedTuple):
    """Decades between two places."""

    low: int
    high: int
    start: float
    end: float

    def place(self, value: float) -> float:
        return round(self.start + (log10(value) - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        return [10.0**decade for decade in range(self.low, self.high + 1)]


def plot(across: str, x: Sequence[float], series: Sequence[Series]) -> str:
    """The text of an SVG file.

    Args:
        across: what the horizontal axis is.
        x: rising.
        series: curves over `x`, all above nought; a dashed line shows growth in proportion from its first point.
    """
    flat, down = _axis(x, LEFT, RIGHT), _axis([v for each in series for v in each.values], BOTTOM, TOP)
    marks = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *_frame(across, flat, down)]
    for colour, each in zip(COLOURS, series, strict=False):
        marks += _curve(colour, each, x, (flat, down))
    ends = sorted(zip([down.place(each.values[-1]) for each in series], COLOURS, series, strict=False))
    lowest = 0.0
    for height, colour, each in ends:
        lowest = max(height, lowest + LINE)  # words never lie upon each other
        marks.append(_text(RIGHT + 8, lowest + 4, f"{each.values[-1]:,.0f} {each.name}", "start", colour))
    return "\n".join([HEAD, *marks, "</svg>"]) + "\n"


def _axis(values: Sequence[float], start: float, end: float) -> _Axis:
    low = floor(log10(min(values)))
    return _Axis(low, max(low + 1, ceil(log10(max(values)))), start, end)


def _frame(across: str, flat: _Axis, down: _Axis) -> list[str]:
    marks = [_text((LEFT + RIGHT) / 2, HEIGHT - 12, across, "middle")]
    for value in flat.ticks():
        marks += [_line([(flat.place(value), TOP), (flat.place(value), BOTTOM)], "#dddddd")]
        marks += [_text(flat.place(value), BOTTOM + 18, f"{value:,.10g}", "middle")]
    for value in down.ticks():
        marks += [_line([(LEFT, down.place(value)), (RIGHT, down.place(value))], "#dddddd")]
        marks += [_text(LEFT - 6, down.place(value) + 4, f"{value:,.10g}", "end")]
    return marks


def _curve(colour: str, series: Series, x: Sequence[float], axes: tuple[_Axis, _Axis]) -> list[str]:
    flat, down = axes
    points = [(flat.place(at), down.place(value)) for at, value in zip(x, series.values, strict=True)]
    until = min(x[-1], x[0] * 10.0**down.high / series.values[0])
    straight = [points[0], (flat.place(until), down.place(series.values[0] * until / x[0]))]
    dots = [f'<circle cx="{at}" cy="{height}" r="3" fill="{colour}"/>' for at, height in points]
    return [_line(straight, colour, 'stroke-dasharray="3 4"'), _line(points, colour), *dots]


def _line(points: Sequence[tuple[float, float]], colour: str, more: str = "") -> str:
    path = " ".join(f"{at},{height}" for at, height in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" {more}/>'


def _text(at: float, height: float, words: str, anchor: str, colour: str = "#222222") -> str:
    return f'<text x="{at}" y="{height}" text-anchor="{anchor}" fill="{colour}" font-size="12">{words}</text>'
