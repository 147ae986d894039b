"""A run as one page that needs nothing else: tables, and latency over rate."""

import html
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from benchmarks.ladder import STEPS, Round
from benchmarks.report import Figure

Point = tuple[float, float, float, float]
Climbs = Mapping[str, Mapping[str, Sequence[Round]]]  # workload -> subject -> its rounds
WIDTH, HEIGHT, MARGIN = 620, 300, 52
COLOURS = {"decide": "#0b6", "echo": "#888"}
OTHERS = ("#06c", "#c60", "#a0a", "#c22")
DASHES = {50.0: "", 99.0: "5 3", 99.9: "1 3"}
REACHED = {None: "", True: "reached", False: "missed"}
LEGEND = (
    "Latency from when each call was due, over the rate that was offered. Solid p50, dashed p99, dotted p99.9: "
    "medians of the rounds; bars go from the least to the greatest."
)
STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:64rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.15rem .7rem;border-bottom:1px solid #ddd;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}.no{color:#b00}.yes{color:#080}
svg{background:#fafafa;border:1px solid #ddd;display:block}svg text{font:11px system-ui,sans-serif;fill:#444}
"""


def write_page(climbs: Climbs, figures: Iterable[Figure], run: Mapping[str, object]) -> str:
    """The page's HTML.

    Args:
        climbs: every round.
        figures: the run's.
        run: machine, versions and commit.
    """
    known = "; ".join(f"{name}: {value}" for name, value in run.items())
    parts = [f"<h1>Decide under load</h1><p>{html.escape(known)}</p><p>{LEGEND}</p>"]
    for workload, subjects in climbs.items():
        parts.append(f"<h2>{html.escape(workload)}</h2>{_chart(subjects)}")
    parts.append(f"<h2>Figures</h2>{_table(figures)}")
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>Decide under load</title><style>{STYLE}</style>"
    return f"{head}<body>{''.join(parts)}</body></html>\n"


def _table(figures: Iterable[Figure]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(figure.case)}<td>{html.escape(figure.metric)}<td class=n>{figure.value:,.4g}"
        f"<td>{html.escape(figure.unit)}<td class=n>{'' if figure.target is None else f'{figure.target:,.4g}'}"
        f"<td class={'yes' if figure.reached else 'no'}>{REACHED[figure.reached]}"
        for figure in figures
    )
    return f"<table><tr><th>case<th>metric<th>value<th>unit<th>at most<th></tr>{rows}</table>"


def _chart(subjects: Mapping[str, Sequence[Round]]) -> str:
    """Latency over rate, both by powers of ten; solid is p50, dashed p99, dotted p99.9; the spread is a bar."""
    curves = {
        (name, percent): [_point(own, step, percent) for step in STEPS]
        for name, own in subjects.items()
        for percent in DASHES
    }
    points = [point for curve in curves.values() for point in curve]
    across = _Scale([rate for rate, *_ in points], MARGIN, WIDTH - 12)
    up = _Scale([value for _, *values in points for value in values], HEIGHT - MARGIN, 12)
    drawn = [_axis(across, up)]
    others = iter(OTHERS)
    for name in subjects:
        colour = COLOURS.get(name) or next(others)
        drawn += [_curve(curves[name, percent], (across, up), colour, DASHES[percent]) for percent in DASHES]
        rate, value, *_ = curves[name, 50.0][-1]
        place = f'x="{across(rate) - 40:.0f}" y="{up(value) + 14:.0f}"'
        drawn.append(f'<text {place} style="fill:{colour}">{html.escape(name)}</text>')
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">{"".join(drawn)}</svg>'


def _point(rounds: Sequence[Round], step: float, percent: float) -> Point:
    """Rate, median, least and greatest of the rounds, microseconds."""
    found = [min(each.at(percent), 1e8) for each in rounds if each.step == step]
    rate = next(each.offered for each in rounds if each.step == step)
    return rate, float(np.median(found)), min(found), max(found)


class _Scale:
    """From a figure to a place, by powers of ten."""

    def __init__(self, figures: Sequence[float], start: float, end: float) -> None:
        self.low, self.high = math.log10(min(figures)) - 0.05, math.log10(max(figures)) + 0.05
        self._start, self._end = start, end

    def __call__(self, figure: float) -> float:
        share = (math.log10(figure) - self.low) / (self.high - self.low)
        return self._start + share * (self._end - self._start)

    def marks(self) -> list[float]:
        """1, 2 and 5 times the powers of ten."""
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        every = [step * 10.0**power for power in powers for step in (1, 2, 5)]
        return [mark for mark in every if self.low <= math.log10(mark) <= self.high]


def _axis(across: _Scale, up: _Scale) -> str:
    floor = HEIGHT - MARGIN
    rates = "".join(
        f'<line x1="{across(mark):.1f}" x2="{across(mark):.1f}" y1="12" y2="{floor}" stroke="#eee"/>'
        f'<text x="{across(mark):.1f}" y="{floor + 16}" text-anchor="middle">{mark:,g}</text>'
        for mark in across.marks()
    )
    times = "".join(
        f'<line x1="{MARGIN}" x2="{WIDTH - 12}" y1="{up(mark):.1f}" y2="{up(mark):.1f}" stroke="#eee"/>'
        f'<text x="{MARGIN - 6}" y="{up(mark) + 4:.1f}" text-anchor="end">{mark / 1000:g} ms</text>'
        for mark in up.marks()
    )
    named = f'<text x="{WIDTH / 2:.0f}" y="{HEIGHT - 14}" text-anchor="middle">calls a second</text>'
    return rates + times + named


def _curve(
    points: Sequence[tuple[float, float, float, float]], scales: tuple[_Scale, _Scale], colour: str, dash: str
) -> str:
    across, up = scales
    path = " ".join(f"{across(rate):.1f},{up(middle):.1f}" for rate, middle, _, _ in points)
    bars = "".join(
        f'<line x1="{across(rate):.1f}" x2="{across(rate):.1f}" y1="{up(low):.1f}" y2="{up(high):.1f}"/>'
        for rate, _, low, high in points
    )
    line = f'<polyline points="{path}" fill="none" stroke-dasharray="{dash}"/>'
    return f'<g stroke="{colour}">{line}{bars}</g>'
