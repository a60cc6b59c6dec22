"""Reads the Prometheus text format."""

from __future__ import annotations

import re

SAMPLE = re.compile(r"^(?P<name>[A-Za-z_:][\w:]*)(?:\{(?P<labels>.*)\})?\s+(?P<value>\S+)")
LABEL = re.compile(r'(\w+)="((?:\\.|[^"\\])*)"')
ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


def _unescape(text: str) -> str:
    return re.sub(r"\\.", lambda match: ESCAPES.get(match.group(), match.group()), text)


class Metrics(dict[str, list[tuple[dict[str, str], float]]]):
    """Name -> samples, each its labels and its value."""

    def value(self, name: str, **labels: str) -> float | None:
        """The one sample of that name which has these labels, and perhaps others; None without one."""
        fits = [value for have, value in self.get(name, []) if labels.items() <= have.items()]
        if len(fits) > 1:
            raise AssertionError(f"{len(fits)} samples of {name} fit {labels}")
        return fits[0] if fits else None

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name which have these labels."""
        return sum(value for have, value in self.get(name, []) if labels.items() <= have.items())


def parse_metrics(text: str) -> Metrics:
    metrics = Metrics()
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        if not match:
            raise AssertionError(f"not a sample: {line!r}")
        labels = {key: _unescape(value) for key, value in LABEL.findall(match["labels"] or "")}
        metrics.setdefault(match["name"], []).append((labels, float(match["value"])))
    return metrics
