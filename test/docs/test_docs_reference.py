"""docs/reference/ names everything of the extension that SQL can see, as it is, and nothing that is not there."""

import re

import pages
import pytest
import reference
from pages import code_spans, section

# Of the extension itself, and of what install() makes.
FUNCTIONS = """
    SELECT DISTINCT p.proname AS name FROM pg_proc AS p
    WHERE p.pronamespace = 'msgstatus'::regnamespace OR p.proargtypes[0] = 'msgstatus.delivery_state'::regtype"""
TYPES = """
    SELECT t.typname AS name FROM pg_type AS t
    WHERE t.typnamespace = 'msgstatus'::regnamespace AND t.typtype IN ('b', 'c') AND t.typelem = 0
        AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = t.typrelid AND c.relkind <> 'c')"""
OPERATORS = """
    SELECT DISTINCT o.oprname AS name FROM pg_operator AS o
    WHERE o.oprnamespace = 'msgstatus'::regnamespace
        OR o.oprleft IN ('msgstatus.delivery_state'::regtype, 'msgstatus.message_status'::regtype)"""
OPERATOR_CLASSES = """
    SELECT DISTINCT c.opcname AS name FROM pg_opclass AS c WHERE c.opcnamespace = 'msgstatus'::regnamespace"""
RELATIONS = """
    SELECT c.relname AS name FROM pg_class AS c
    WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition"""
COLUMNS = """
    SELECT c.relname AS relation, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
        AND a.attnum > 0"""
STATES = "SELECT unnest('{processing,received,pending,scheduled,accepted,queued,sending,sent,partially_delivered," \
    "skipped,canceled,failed,undelivered,delivered,read,played}'::msgstatus.delivery_state[])"


@pytest.fixture(scope="module")
def database(docs_server):
    return docs_server.create_database("reference")


@pytest.fixture(scope="module")
def functions(docs_server, database):
    return reference.functions_of(docs_server, database)


def text_of(name):
    return (reference.FOLDER / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page():
    """All pages, as one text."""
    return "\n".join([*reference.pages_of().values(), reference.INTERNALS.read_text(encoding="utf-8")])


@pytest.mark.parametrize("query", [FUNCTIONS, TYPES, OPERATOR_CLASSES, RELATIONS],
                         ids=["functions", "types", "operator classes", "tables and views"])
def test_every_name_is_there(docs_server, database, page, query):
    named = {name for span in code_spans(page) for name in re.findall(r"\w+", span)}
    names = {row["name"] for row in docs_server.query(database, query)}
    assert names
    assert names <= named, sorted(names - named)


def test_every_operator_is_there(docs_server, database, page):
    named = {token for span in code_spans(page) for token in re.split(r"[\w\s'(),:\[\].\"{}]+", span)}
    operators = {row["name"] for row in docs_server.query(database, OPERATORS)}
    assert operators
    assert operators <= named, sorted(operators - named)


def columns_of(server, database):
    """Yields each table and view with the text of its section, and the names of its columns."""
    columns = server.query(database, COLUMNS)
    assert columns
    text = text_of("tables.md") + text_of("views.md")
    for relation in sorted({row["relation"] for row in columns}):
        yield section(text, f"## `{relation}`"), {row["name"] for row in columns if row["relation"] == relation}


def test_every_column_is_there(docs_server, database):
    for text, columns in columns_of(docs_server, database):
        missing = columns - set(code_spans(text))
        assert not missing, f"{text.splitlines()[0]}: {sorted(missing)}"


def test_every_column_named_exists(docs_server, database):
    for text, columns in columns_of(docs_server, database):
        tables = [line for line in text.splitlines() if line.startswith("| `")]
        for name in (name for line in tables for name in re.findall(r"`(\w+)`", line.split("|")[1])):
            assert name in columns, text.splitlines()[0]


def test_every_type_of_a_column_is_right(docs_server, database):
    types = {(row["relation"], row["name"]): reference.short(row["type"]) for row in docs_server.query(database, COLUMNS)}
    checked = 0
    for text, _ in columns_of(docs_server, database):
        relation = re.match(r"## `(\w+)`", text)[1]
        if "| column | type |" not in text:
            continue
        for names, shown in (line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `")):
            names, shown = re.findall(r"`(\w+)`", names), re.findall(r"`([^`]+)`", shown)
            for name, kind in zip(names, shown if len(shown) == len(names) else shown * len(names)):
                assert types[relation, name] == kind, f"{relation}.{name}"
                checked += 1
    assert checked > 100


def test_every_reason_is_there():
    files = [pages.ROOT / "extension" / f"{name}.cpp" for name in ("observation/validation", "webhook/reader", "webhook/meta", "webhook/twilio",
                                                                   "webhook/aisensy", "webhook/described", "dead_letter/kept_out", "import/row")]
    source = "\n".join(re.sub(r"//.*", "", file.read_text(encoding="utf-8")) for file in files)
    # What is written in words is a reason; keys and labels have no blanks.
    reasons = {literal.replace('\\"', '"') for literal in re.findall(r'"((?:[^"\\\n]|\\.)+)"', source) if " " in literal}
    assert "the message id is longer than 512 bytes" in reasons
    named = {*code_spans(text_of("dead-letters.md")), *code_spans(text_of("import.md"))}
    assert reasons <= named, reasons - named


@pytest.mark.parametrize("path", [*reference.pages_of(), reference.INTERNALS], ids=lambda path: path.name)
def test_what_the_catalog_gives_is_up_to_date(docs_server, database, functions, path):
    """Signatures, types and defaults of parameters, and the page of internals: `make reference` writes them."""
    page = path.read_text(encoding="utf-8")
    if path == reference.INTERNALS:
        assert page == reference.internals(docs_server, database, reference.pages_of().values())
    else:
        assert page == reference.updated(page, functions)


def test_each_section_is_about_one_function(functions):
    """So that a signature is that of the heading, and stands in one place."""
    names = [function.name for function in functions]
    sections = [name for page in reference.pages_of().values() for name, _, _ in reference.sections_of(page)]
    assert len(sections) > 40
    assert len(set(sections)) == len(sections)
    assert all(names.count(name) == 1 for name in sections), [name for name in sections if names.count(name) != 1]


def test_every_parameter_is_there(functions):
    by_name = {function.name: function for function in functions}
    for page in reference.pages_of().values():
        for name, start, end in reference.sections_of(page):
            assert reference.named_parameters(page[start:end]) == [parameter[0] for parameter in by_name[name].parameters], name


def test_every_function_has_an_example():
    """One that is run, on its page or at the beginning of them all."""
    beginning = pages.examples_of(text_of("README.md"))
    for page in reference.pages_of().values():
        examples = "\n".join(example.sql.text for example in [*beginning, *pages.examples_of(page)])
        for name, _, _ in reference.sections_of(page):
            assert re.search(rf"\b{name}\(", examples), name


def test_every_signature_in_a_table_is_right(functions):
    """Small functions have a row in a table in place of a section: | `name(types)` | `result` | ... |"""
    known = {(function.head, function.result) for function in functions}
    rows = [[cell.strip() for cell in line.split(" | ")] for line in text_of("types.md").splitlines() if re.match(r"\| `\w+\(", line)]
    assert len(rows) > 15
    for row in rows:
        for signature in re.findall(r"`(\w+\(.*?\))`", row[0]):
            assert (signature, row[1].strip("`")) in known, signature


def test_every_function_raises_what_its_page_says(functions):
    """A SQLSTATE in the comment of a function stands in its section, or among the errors that all of its page, or all pages, share."""
    shared = section(text_of("README.md"), "## Errors")
    by_name = {function.name: function for function in functions}
    for page in reference.pages_of().values():
        introduction = page.split("\n##", 1)[0]
        for name, start, end in reference.sections_of(page):
            for sqlstate in re.findall(r"\b[0-9][0-9A-Z]{4}\b", by_name[name].comment):
                if sqlstate != "10000":  # a number of rows
                    assert sqlstate in introduction + page[start:end] + shared, f"{name}: {sqlstate}"


def test_the_table_of_states(docs_server, database):
    rows = [[cell.strip() for cell in line.split("|")[1:-1]]
            for line in section(text_of("types.md"), "## delivery_state").splitlines() if re.match(r"\| `\w+` \| (incom|outgo)ing ", line)]
    shown = [{"state": state.strip("`"), "implies": sorted(re.findall(r"\w+", implied)), "failure": failure == "yes",
              "final": final == "yes"} for state, _, implied, failure, final in rows]
    actual = docs_server.query(database, f"""
        SELECT s::text AS state, msgstatus.is_failure(s) AS failure, msgstatus.is_final(s) AS final,
            (SELECT coalesce(json_agg(k ORDER BY k), '[]') FROM jsonb_object_keys(
                msgstatus.message_status(s, '2024-12-10 10:30Z')::jsonb) AS k WHERE k <> s::text) AS implies
        FROM ({STATES}) AS v (s) ORDER BY s""")
    assert shown == actual
    assert len(actual) == 16
