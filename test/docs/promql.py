"""Expressions of Prometheus' query language: parsed far enough to find the series that they ask for."""

import re

# A metric, its selector, or nothing; suffixes belong to histograms.
SELECTOR = re.compile(r"\b((?:msgstatus|process)_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|without|on)\s*\(([^)]*)\)")
# Labels that Prometheus adds to every series.
TARGET = {"job", "instance"}


def metrics_in(expression):
    """Returns the metrics that an expression names, each with its matchers: label, operator, value."""
    return [(name, MATCHER.findall(selector)) for name, selector in SELECTOR.findall(expression)]


def labels_in(expression):
    """Returns the labels that an expression groups by."""
    return {label.strip() for group in GROUPING.findall(expression) for label in group.split(",") if label.strip()}


def problems(expression, families):
    """Returns the metrics and labels that an expression asks for and an exposition's families lack."""
    found, labels_known = [], set(TARGET)
    for name, matchers in metrics_in(expression):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        family = families.get(name) or (families.get(base) if families.get(base, None) and families[base].type == "histogram"
                                        else None)
        if family is None:
            found.append(f"no metric {name}")
            continue
        if family.type == "histogram" and name == base:
            found.append(f"{name} is a histogram")
        labels = {}
        for sample, pairs in family.samples:
            if sample == name:
                for label, value in pairs:
                    labels.setdefault(label, set()).add(value)
        labels_known |= labels.keys()
        for label, operator, value in matchers:
            if label in TARGET:
                continue
            if label not in labels:
                found.append(f"{name} has no label {label}")
            elif operator in ("=", "!=") and value not in labels[label]:
                found.append(f"{name} has no {label}={value}")
    return found + [f"no label {label}" for label in labels_in(expression) - labels_known]
