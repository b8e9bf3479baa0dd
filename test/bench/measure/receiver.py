"""Section receiver: webhooks over HTTP from 64 keep-alive connections, answered 200 when they are committed."""

import servers
from designs import CHECKED, JSONB, OURS
from http_rounds import CONNECTIONS, Contestant, measure
from report import ratios, spread, table, write
from settings import OTHER_RECEIVER
from supply import Supply

CONTESTANTS = (
    Contestant("msgstatus-receiver", lambda: servers.receiver(signed=False), OURS, "a"),
    Contestant("Node, a call each", lambda: servers.node("each"), JSONB, "a"),
    Contestant("Node, coalescing", lambda: servers.node("coalesce"), JSONB, "b"),
    Contestant("msgstatus-receiver, signed", lambda: servers.receiver(signed=True), OURS, "b", True),
    Contestant("Node, a call each, signed, checked", lambda: servers.node("each", checked=True), CHECKED, "a", True),
    Contestant("Node, coalescing, signed, checked", lambda: servers.node("coalesce", checked=True), CHECKED, "b", True),
)
DESIGNS = (OURS,) if OTHER_RECEIVER else (OURS, JSONB, CHECKED)
MAIN, EACH, COALESCE, SIGNED, EACH_CHECKED, COALESCE_CHECKED = CONTESTANTS
COMPARED = ((MAIN, EACH), (MAIN, COALESCE), (SIGNED, EACH_CHECKED), (SIGNED, COALESCE_CHECKED), (MAIN, SIGNED))
# Two builds of the receiver beside each other, in place of the handlers in Node.
BUILDS = (Contestant("this build, signed", lambda: servers.receiver(signed=True), OURS, "a", True),
          Contestant("other build, signed", lambda: servers.receiver(signed=True, program=OTHER_RECEIVER), OURS, "b", True))
BUILDS_COMPARED = (BUILDS,)


def run():
    """Measures webhooks of 1 and of 10 statuses and writes the report."""
    if OTHER_RECEIVER:
        compare("receiver-builds", BUILDS, BUILDS_COMPARED)
        return
    servers.install_node_modules()
    compare("receiver", CONTESTANTS, COMPARED)


def compare(report, contestants, compared):
    """Measures the contestants and writes the report, with the ratios of those that are compared."""
    supply = Supply(DESIGNS)
    parts = []
    for per_body in (1, 10):
        measured = measure(contestants, supply, per_body)
        speed = {c: [m["requests"] / m["seconds"] for m in measured[c]] for c in contestants}
        late = {c: [m["p99_ms"] for m in measured[c]] for c in contestants}
        parts.append(f"{per_body} {'status' if per_body == 1 else 'statuses'} a webhook, {CONNECTIONS} connections, min / median / "
                     "max of the rounds:")
        parts.append(table(
            ("", "webhooks/s", "p50, ms", "p99, ms", "its own CPU time, us a webhook"),
            [(c.name, spread(speed[c], 0), spread([m["p50_ms"] for m in measured[c]]), spread(late[c]),
              spread([m["server_cpu"] / m["requests"] * 1e6 for m in measured[c]], 1)) for c in contestants]))
        parts.append(table(
            ("", "to", "webhooks/s", "p99"),
            [(a.name, b.name, spread(ratios(speed[a], speed[b])), spread(ratios(late[a], late[b]))) for a, b in compared]))
        print("\n".join(parts[-2:]), flush=True)
    write(report, "\n\n".join(parts))
