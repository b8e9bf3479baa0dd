"""The SQL of the pages does what they say."""

import pytest

import pages

PAGES = ["tutorial.md", "campaigns.md", "existing-tables.md", "analytics.md", "reference.md", "operations.md", "operations/database.md"]


@pytest.mark.parametrize("name", PAGES)
def test_page(docs_server, name):
    page = (pages.ROOT / "docs" / name).read_text(encoding="utf-8")
    database = docs_server.create_database(f"page_{name.removesuffix('.md').replace('/', '_')}", setup="")
    results, failure = pages.run(page, docs_server.conninfo(database), str(docs_server.bindir / "psql"))
    assert failure is None, f"docs/{name}, {failure}"
    assert len(results) == len(pages.examples_of(page)) > 0
    for example, output in results:
        if example.shown:
            assert output == pages.normal(example.shown.text), f"docs/{name}, line {example.shown.line}"


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
