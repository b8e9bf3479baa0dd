"""Prometheus' text format (version 0.0.4), read strictly: what a scraper would forgive is an error here.

https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/practices/naming/
"""

import math
import re
from dataclasses import dataclass, field

SAMPLE = re.compile(r"([a-z_][a-z0-9_]*)(?:\{([^{}]*)\})? (\S+)")
LABEL = re.compile(r'([a-z_][a-z0-9_]*)="([^"\\\n]*)"')
UNITS_THAT_ARE_NO_BASE_UNITS = re.compile(r"_(milliseconds|ms|us|minutes|hours|kb|kilobytes|mb|megabytes|percent)(_|$)")


@dataclass
class Family:
    """A metric: its type, its help, and its samples by name and labels."""

    type: str
    help: str
    samples: dict = field(default_factory=dict)


def _labels(text):
    if not text:
        return ()
    pairs = text.split(",")
    found = [LABEL.fullmatch(pair) for pair in pairs]
    assert all(found), f"labels: {text}"
    names = [label[1] for label in found]
    assert len(names) == len(set(names)), f"a label twice: {text}"
    return tuple(sorted((label[1], label[2]) for label in found))


def _check_histogram(name, family):
    series = {}
    for (sample, labels), value in family.samples.items():
        rest = tuple(label for label in labels if label[0] != "le")
        one = series.setdefault(rest, {"buckets": [], "sum": None, "count": None})
        if sample == f"{name}_bucket":
            one["buckets"].append((float(dict(labels)["le"]), value))
        else:
            one[sample.removeprefix(f"{name}_")] = value
    for rest, one in series.items():
        bounds = [bound for bound, _ in one["buckets"]]
        counts = [count for _, count in one["buckets"]]
        assert bounds == sorted(set(bounds)) and bounds[-1] == math.inf, f"{name}{rest}: bounds {bounds}"
        assert counts == sorted(counts), f"{name}{rest}: not cumulative: {counts}"
        assert one["count"] == counts[-1], f"{name}{rest}: count {one['count']}, +Inf {counts[-1]}"
        assert one["sum"] is not None and one["sum"] >= 0, f"{name}{rest}: sum"


def _check(name, family):
    assert family.help.endswith("."), f"{name}: help {family.help!r}"
    assert not UNITS_THAT_ARE_NO_BASE_UNITS.search(name), f"{name}: not a base unit"
    assert name.endswith("_total") == (family.type == "counter"), f"{name}: {family.type}"
    allowed = {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if family.type == "histogram" else {name}
    assert {sample for sample, _ in family.samples} <= allowed, f"{name}: {family.samples.keys()}"
    if family.type == "counter":
        assert all(value >= 0 for value in family.samples.values()), name
    if family.type == "histogram":
        _check_histogram(name, family)


def parse(text):
    """Returns the families of an exposition by name; any departure from the format is an AssertionError."""
    assert text.endswith("\n")
    families, current, helped = {}, None, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            assert helped is None, line
            helped = line.split(" ", 3)[2:]
        elif line.startswith("# TYPE "):
            name, kind = line.split(" ")[2:]
            assert helped and helped[0] == name, f"TYPE without HELP: {line}"
            assert name not in families, f"{name} comes twice"
            assert kind in ("counter", "gauge", "histogram"), line
            current = name
            families[name] = Family(kind, helped[1])
            helped = None
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample and helped is None and current, f"no sample: {line!r}"
            key = sample[1], _labels(sample[2])
            assert sample[1].startswith(current), f"{line} under {current}"
            assert key not in families[current].samples, f"a series twice: {line}"
            value = float(sample[3])
            assert math.isfinite(value), line
            families[current].samples[key] = value
    for name, family in families.items():
        _check(name, family)
    return families


def value(families, name, **labels):
    """Returns one sample, or None."""
    key = name, tuple(sorted(labels.items()))
    return next((family.samples[key] for family in families.values() if key in family.samples), None)
