"""The tutorial's queries, as an operator, and queries with parameters, as an analyst, by drivers of Python, Node.js and Java.

Debian has the drivers: python3-psycopg2, node-pg, libpostgresql-jdbc-java. One that is not there is skipped. NODE_PATH and
MSGSTATUS_JDBC name other places of the latter two.
"""

import base64
import os
import pathlib
import re
import shutil
import subprocess

import psycopg2
import pytest

import pages

DRIVERS = pathlib.Path(__file__).parent / "drivers"
NODE_PATH = os.environ.get("NODE_PATH", "/usr/share/nodejs")
JDBC = os.environ.get("MSGSTATUS_JDBC", "/usr/share/java/postgresql.jar")

# Queries with parameters that a driver sends as texts, and how many rows they return, if that is of interest. JDBC's setString declares them as varchar,
# the others leave their type open.
WITH_PARAMETERS = [
    ("SELECT message_id FROM msgstatus.message_timeline WHERE state = $1", ["read"], 2),
    ("SELECT message_id FROM msgstatus.message_timeline WHERE state IN ($1, $2)", ["read", "DELIVERED"], 4),
    ("SELECT message_id FROM msgstatus.message_timeline WHERE state >= $1 AND state < $2", ["failed", "read"], 3),
    ("SELECT CASE state WHEN $1 THEN 'yes' ELSE 'no' END FROM msgstatus.message_timeline ORDER BY 1 DESC", ["read"], 5),
    ("SELECT message_id FROM msgstatus.message_timeline WHERE state = (SELECT max(state) FROM msgstatus.message_timeline)", [], 2),
    ("SELECT message_id FROM msgstatus.message_log(state => $1)", ["read"], 2),
    ("SELECT message_id FROM msgstatus.message_log(state => $1)", [""], 5),
    ("SELECT message_id FROM msgstatus.message_log($1)", ["read"], 2),
    ("SELECT message_id FROM msgstatus.message_log(provider => $1, recipient_prefix => $2)", ["meta", "+1555"], None),
    ("SELECT message_id FROM msgstatus.message_log(created_from => $1::timestamptz)", ["2024-01-01"], 5),
    ("SELECT total::text FROM msgstatus.message_stats(state => $1)", ["read"], 1),
    ("SELECT date::text FROM msgstatus.message_status_dashboard WHERE date >= $1::date", ["2024-01-01"], None),
]


def statements_of(page):
    """Returns the statements of a page that read tables, views and functions, named with their schema."""
    found = []
    for example in pages.examples_of(page):
        if not example.sql.raises:
            found += [s.strip() for s in re.split(r";\s*(?:\n|$)", example.sql.text)]
    return [s for s in found if re.match(r"(?:SELECT|WITH)\b", s)
            and "FROM msgstatus." in s and not re.search(r"\w+\(\s*'[{\[]", s)]


@pytest.fixture(scope="module")
def walked(docs_server):
    """A server with a database in which the README and the tutorial were gone through, and an operator and an analyst."""
    database = docs_server.create_database("shop", setup="")
    for name in ("README.md", "docs/tutorial.md"):
        _, failure = pages.run((pages.ROOT / name).read_text(encoding="utf-8"), docs_server.conninfo(database), str(docs_server.bindir / "psql"))
        assert failure is None
    for role in QUERIES:
        docs_server.execute(database, f"CREATE ROLE {role}_bi LOGIN; SELECT msgstatus.grant_access('{role}_bi', '{role}')")
    return docs_server


QUERIES = {"operator": [(s, [], None) for s in statements_of((pages.ROOT / "docs/tutorial.md").read_text(encoding="utf-8"))],
           "analyst": WITH_PARAMETERS}


def by_psycopg(server, role, queries):
    results = []
    connection = psycopg2.connect(server.conninfo("shop", f"{role}_bi"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        for sql, parameters, _ in queries:
            cursor.execute(re.sub(r"\$\d+", "%s", sql.replace("%", "%%")), parameters)
            rows = cursor.fetchall()
            results.append((len(rows), rows[0][0] if rows and cursor.description[0].type_code == 25 else ""))
    connection.close()
    return results


def by_program(program, queries, environment):
    lines = ["\t".join(base64.b64encode(text.encode()).decode() for text in (sql, *parameters)) for sql, parameters, _ in queries]
    done = subprocess.run(program, input="\n".join(lines) + "\n", env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stdout, [(q[0], line) for q, line in zip(queries, done.stdout.splitlines()) if "ERROR" in line]
    return [(int(number), first) for number, _, first in (line.partition("\t") for line in done.stdout.splitlines())]


def by_node(server, role, queries):
    if not shutil.which("node") or not pathlib.Path(NODE_PATH, "pg").exists():
        pytest.skip("node-postgres is not here")
    return by_program(["node", str(DRIVERS / "query.js"), f"postgres://{role}_bi@127.0.0.1:{server.port}/shop"], queries, {"NODE_PATH": NODE_PATH})


def by_jdbc(server, role, queries):
    if not shutil.which("java") or not pathlib.Path(JDBC).exists():
        pytest.skip("JDBC is not here")
    return by_program(["java", "-cp", JDBC, str(DRIVERS / "Query.java"), f"jdbc:postgresql://127.0.0.1:{server.port}/shop?user={role}_bi"], queries, {})


@pytest.mark.parametrize("ask", [by_psycopg, by_node, by_jdbc], ids=["psycopg", "node-postgres", "JDBC"])
@pytest.mark.parametrize("role", QUERIES)
def test_queries_by_drivers(walked, role, ask):
    queries = QUERIES[role]
    assert len(queries) > 5
    results = ask(walked, role, queries)
    expected = by_psycopg(walked, role, queries)
    for query, found, same in zip(queries, results, expected, strict=True):
        assert found == same, query
        assert query[2] is None or found[0] == query[2], query
