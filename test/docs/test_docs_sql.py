"""The SQL of the pages does what they say."""

import os
import re
import subprocess

import pytest

import pages

# Pages that a newcomer follows in one database, and pages that begin in a database of their own on the same server.
PATH = ["README.md", "docs/tutorial.md", "docs/operations.md", "docs/operations/database.md"]
OTHERS = ["campaigns.md", "existing-tables.md", "analytics.md", "tools.md",
          *(f"{folder}/{page.name}" for folder in ("reference", "providers") for page in sorted((pages.ROOT / "docs" / folder).glob("*.md"))
            if pages.examples_of(page.read_text(encoding="utf-8")))]


def check(server, database, name):
    page = (pages.ROOT / name).read_text(encoding="utf-8")
    results, failure = pages.run(page, server.conninfo(database), str(server.bindir / "psql"), pages.beginning_of(name))
    assert failure is None, f"{name}, {failure}"
    assert len(results) == len(pages.examples_of(page)) > 0
    for example, output in results:
        if example.shown:
            assert output == pages.normal(example.shown.text), f"{name}, line {example.shown.line}"


@pytest.fixture(scope="module", name="walked_server")
def walk(docs_server):
    """The server on which the pages of PATH were gone through, with the roles that they make."""
    database = docs_server.create_database("shop", setup="")
    for name in PATH:
        check(docs_server, database, name)
    return docs_server


def test_the_path(walked_server):
    """The pages use one set of names, so that nothing is missing and nothing is made twice."""
    roles = walked_server.query("shop", "SELECT rolname AS name FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1")
    assert [role["name"] for role in roles] == ["postgres", "receiver", "reports", "sender", "support"]


def test_the_path_goes_on_with_the_same_names():
    """Outside of SQL, too: the receiver's settings and cron's lines name existing databases and roles."""
    found = set()
    for name in [*PATH, "docs/operations/receiver.md"]:
        found |= set(re.findall(r"dbname=(\w+)|psql (?:-XqAt -d )?(\w+)$|createdb (\w+)|-d (\w+) -c", (pages.ROOT / name).read_text(encoding="utf-8"),
                                flags=re.MULTILINE))
    assert {database for names in found for database in names if database} == {"shop"}
    text = "".join((pages.ROOT / name).read_text(encoding="utf-8") for name in PATH)
    assert set(re.findall(r"dbname=shop user=(\w+)", text)) == {"receiver"}
    assert set(re.findall(r"^[*/\d]+ \* \* \* \* (\w+) ", text, flags=re.MULTILINE)) == {"postgres"}


def test_cron_runs_its_lines(walked_server):
    """Each line of cron's does its work as the user that it names; maintain() says that it did it as the tables' owner."""
    page = (pages.ROOT / "docs/operations/database.md").read_text(encoding="utf-8")
    lines = re.findall(r"^[*/\d]+ \* \* \* \* (\w+) (.*)$", page, flags=re.MULTILINE)
    assert len(lines) == 2
    for user, command in lines:
        assert "%" not in command, "cron takes it for the end of the line"
        environment = {"PATH": f"{walked_server.bindir}:{os.environ['PATH']}", "PGHOST": "127.0.0.1", "PGPORT": str(walked_server.port), "PGUSER": user}
        done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), command
    owner = walked_server.query("shop", "SELECT tableowner AS name FROM pg_tables WHERE schemaname = 'msgstatus' AND tablename = 'message'")
    assert {user for user, _ in lines} == {owner[0]["name"]}


def test_where_incoming_texts_are_subscribed_to():
    """The page on Meta's subscription says that texts are stored, and how to switch that off."""
    for path in [pages.ROOT / "README.md", *(pages.ROOT / "docs").rglob("*.md")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            if "subscribe to the field" in line:
                assert "message.content" in line and "keep_content('meta', false)" in line, path
    assert "subscribe to the field" in (pages.ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", OTHERS)
def test_page(walked_server, name):
    database = walked_server.create_database(f"page_{name.removesuffix('.md').replace('/', '_')}", setup="")
    check(walked_server, database, f"docs/{name}")


def test_a_wrong_output_is_noticed(docs_server):
    page = "```sql\nSELECT 1 AS one;\n```\n\n```text\n one\n-----\n   2\n(1 row)\n```\n"
    results, failure = pages.run(page, docs_server.conninfo(), str(docs_server.bindir / "psql"))
    assert failure is None
    (example, output), = results
    assert output != pages.normal(example.shown.text)


@pytest.mark.parametrize("page", [
    "```sql\nSELECT 1;\n```\n\n```sql\nSELECT 1 / 0;\n```\n",
    "```sql raises=22012\nSELECT 1;\n```\n",
    "```sql raises=22012\nSELECT 'x'::integer;\n```\n",
    "```sql raises=22012\nSELECT 1 / 0;\n```\n\n```sql raises=22012\nSELECT 1;\n```\n",
])
def test_a_block_that_fails_is_noticed(docs_server, page):
    _, failure = pages.run(page, docs_server.conninfo(), str(docs_server.bindir / "psql"))
    assert failure is not None
