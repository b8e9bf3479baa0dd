"""The queries of README.md run, and the first of them is no sequential scan of all messages."""

import json
import re

import pages
import pytest

MESSAGES = """
    INSERT INTO msgstatus.message (message_id, status, created_at)
    SELECT 'm' || n, msgstatus.message_status('sent', t), t
    FROM generate_series(1, 50000) AS n, LATERAL (SELECT now() - n * interval '2 minutes' AS t) AS u;
    ANALYZE msgstatus.message"""


@pytest.fixture(scope="module")
def page():
    return (pages.ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def database(docs_server):
    return docs_server.create_database("readme")


def test_queries(docs_server, database, page):
    results, failure = pages.run(page, docs_server.conninfo(database), str(docs_server.bindir / "psql"))
    assert failure is None
    assert results


def nodes_of(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)


def first_query(page):
    """first_query does return the statements before the first SELECT of the page, and that one."""
    statements = re.sub(r"--.*", "", pages.examples_of(page)[0].sql.text).split(";")
    number = next(n for n, statement in enumerate(statements) if "SELECT" in statement)
    return statements[:number], statements[number]


def test_the_first_query_uses_an_index(docs_server, database, page):
    docs_server.execute(database, MESSAGES)
    before, query = first_query(page)
    explain = "; ".join([*before, "EXPLAIN (FORMAT JSON)\n" + query])
    plan = json.loads(docs_server.execute(database, explain))
    scans = [node for node in nodes_of(plan[0]["Plan"]) if node.get("Relation Name") == "message"]
    assert scans
    assert all(node["Node Type"] in ("Index Scan", "Bitmap Heap Scan") for node in scans), scans
