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
    return docs_server.create_database("readme", setup="")


def test_queries(docs_server, database, page):
    results, failure = pages.run(page, docs_server.conninfo(database), str(docs_server.bindir / "psql"))
    assert failure is None
    assert results


def nodes_of(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)


def first_query(page):
    """Returns the first query of the page that reads messages."""
    statements = ";".join(re.sub(r"--.*", "", example.sql.text) for example in pages.examples_of(page)).split(";")
    return next(statement for statement in statements if "FROM msgstatus." in statement)


def test_the_first_query_uses_an_index(docs_server, database, page):
    docs_server.execute(database, MESSAGES)
    plan = json.loads(docs_server.execute(database, "EXPLAIN (FORMAT JSON)\n" + first_query(page)))
    scans = [node for node in nodes_of(plan[0]["Plan"]) if node.get("Relation Name") == "message"]
    assert scans
    assert all(node["Node Type"] in ("Index Scan", "Bitmap Heap Scan") for node in scans), scans
