"""The dashboard and the alert rules of docs/operations/ ask for metrics that a receiver has, and each alert leads to a remedy."""

import json
import re
import shutil
import subprocess

import grafana
import pages
import promql
import pytest
import yaml
from test_docs_links import anchors

DIRECTORY = pages.ROOT / "docs/operations"
RULES = DIRECTORY / "prometheus-alerts.yml"
DASHBOARD = json.loads((DIRECTORY / "grafana-dashboard.json").read_text(encoding="utf-8"))
ALERTS = [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
BY_PROMETHEUS_ITSELF = {"up"}

needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian: prometheus) is not installed")


def expressions():
    """Returns the expressions of panels and alerts, with their places."""
    return [(f"{panel['title']}, {target['refId']}", target["expr"]) for panel in PANELS for target in panel["targets"]] + \
        [(rule["alert"], rule["expr"]) for rule in ALERTS]


@pytest.mark.parametrize("where, expression", expressions())
def test_an_expression_asks_for_what_there_is(exposition_families, where, expression):
    assert promql.metrics_in(expression) or set(re.findall(r"\b\w+(?=\{)", expression)) <= BY_PROMETHEUS_ITSELF, where
    assert promql.problems(expression, exposition_families) == [], where


@pytest.mark.parametrize("expression", [
    "rate(msgstatus_no_such_total[5m])", "msgstatus_lanes{route=\"other\"}", "sum by (color) (msgstatus_lanes)",
    "rate(msgstatus_statuses_total{outcome=\"lost\"}[5m])", "rate(msgstatus_batch_duration_seconds[5m])",
    "sum by (le) (rate(msgstatus_queue_depth_bucket[5m]))"])
def test_an_expression_that_asks_for_something_else_is_noticed(exposition_families, expression):
    assert promql.problems(expression, exposition_families)


def test_alerts_say_how_grave_they_are_and_what_to_do():
    page = (pages.ROOT / "docs/operations.md").read_text(encoding="utf-8")
    names = [rule["alert"] for rule in ALERTS]
    assert len(names) == len(set(names))
    for rule in ALERTS:
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule["alert"]
        assert {"summary", "description", "runbook_url"} == rule["annotations"].keys(), rule["alert"]
        path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert path == "docs/operations.md" and anchor == rule["alert"].lower(), rule["alert"]
        assert anchor in anchors(page), rule["alert"]


def test_the_panels_of_the_dashboard_fit_beside_each_other():
    grafana.check_places(DASHBOARD)


def test_the_dashboard_asks_the_data_source_that_is_chosen():
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in PANELS:
        assert panel["description"] and panel["datasource"] == chosen, panel["title"]
        assert all(target["datasource"] == chosen for target in panel["targets"]), panel["title"]
        used = {name for target in panel["targets"] for name in re.findall(r"\$(\w+)", target["expr"])}
        assert used <= variables.keys() | {"__rate_interval"}, panel["title"]


@needs_promtool
def test_promtool_understands_every_expression(tmp_path):
    rules = [{"record": f"expression:{number}", "expr": expression.replace("$__rate_interval", "5m")}
             for number, (_, expression) in enumerate(expressions())]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}), encoding="utf-8")
    for file in (path, RULES):
        checked = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_promtool
def test_alerts_fire_when_they_should():
    done = subprocess.run(["promtool", "test", "rules", pages.ROOT / "test/docs/prometheus-alerts-test.yml"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
