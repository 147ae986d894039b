"""The workers' figures as Prometheus reads them: the sum over all of them, gauges one by one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.serve.board import Board, Family
from engine.serve.metrics import FAMILIES


class Exposition(Collector):
    """Reads boards anew whenever it is asked.

    Args:
        files: one board for each worker.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._boards = [Board(file, FAMILIES) for file in files]

    def collect(self) -> Iterator[Metric]:
        """Every family; of a histogram only the combinations of labels that were met."""
        for family in FAMILIES:
            if family.gauge:
                yield self._gauge(family)
            elif family.bounds:
                yield self._histogram(family)
            else:
                yield self._counter(family)

    def _gauge(self, family: Family) -> Metric:
        metric = GaugeMetricFamily(family.name, family.says, labels=[*family.labels, "worker"])
        for worker, board in enumerate(self._boards):
            for labels, (amount,) in board.read(family):
                metric.add_metric([*labels, str(worker)], amount)
        return metric

    def _counter(self, family: Family) -> Metric:
        metric = CounterMetricFamily(family.name, family.says, labels=[*family.labels])
        for labels, (amount,) in self._sums(family):
            metric.add_metric(labels, amount)
        return metric

    def _histogram(self, family: Family) -> Metric:
        metric = HistogramMetricFamily(family.name, family.says, labels=[*family.labels])
        for labels, (*counts, total) in self._sums(family):
            if sum(counts):
                bounds = [*map(str, family.bounds), "+Inf"]
                cumulated = [sum(counts[: at + 1]) for at in range(len(counts))]
                metric.add_metric(labels, [*zip(bounds, cumulated, strict=True)], total)
        return metric

    def _sums(self, family: Family) -> Iterator[tuple[tuple[str, ...], list[float]]]:
        for same in zip(*(board.read(family) for board in self._boards), strict=True):
            yield same[0][0], [sum(words) for words in zip(*(words for _, words in same), strict=True)]


def expose(address: str, port: int, files: Sequence[Path]) -> None:
    """Answer `GET /metrics` from a thread of this process.

    Raises:
        OSError: when the port cannot be had.
    """
    registry = CollectorRegistry()
    registry.register(Exposition(files))
    start_http_server(port, address, registry)
