"""docs/reference.md names everything of the extension that SQL can see, as it is, and nothing that is not there."""

import re

import pages
import pytest
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
    SELECT c.relname AS relation, a.attname AS name FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
        AND a.attnum > 0"""
# What is called by hand: everything but what implements types, operators, aggregates, the parts of install(), and what the
# page calls internal.
SIGNATURES = """
    SELECT p.proname AS name, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result
    FROM pg_proc AS p
    WHERE p.pronamespace = 'msgstatus'::regnamespace AND p.prokind = 'f'
        AND p.proname !~ '^(delivery_state_|message_status_|delay_histogram_|install_)'"""
STATES = "SELECT unnest('{processing,received,pending,scheduled,accepted,queued,sending,sent,partially_delivered," \
    "skipped,canceled,failed,undelivered,delivered,read,played}'::msgstatus.delivery_state[])"


@pytest.fixture(scope="module")
def database(docs_server):
    return docs_server.create_database("reference")


@pytest.fixture(scope="module")
def page():
    return (pages.ROOT / "docs/reference.md").read_text(encoding="utf-8")


def short(signature):
    """short does return a signature of PostgreSQL's as one writes it, in the schema's own terms."""
    for long, brief in (("timestamp with time zone", "timestamptz"), ("msgstatus.", "")):
        signature = signature.replace(long, brief)
    signature = re.sub(r"::\w+(\[\])?", "", signature)
    return signature


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


def test_every_column_is_there(docs_server, database, page):
    columns = docs_server.query(database, COLUMNS)
    assert columns
    for relation in {row["relation"] for row in columns}:
        heading = f"### `{relation}`"
        named = set(code_spans(section(page, heading)))
        missing = {row["name"] for row in columns if row["relation"] == relation} - named
        assert not missing, f"{heading}: {sorted(missing)}"


def test_every_column_named_exists(docs_server, database, page):
    columns = {(row["relation"], row["name"]) for row in docs_server.query(database, COLUMNS)}
    for relation in {relation for relation, _ in columns}:
        tables = [line for line in section(page, f"### `{relation}`").splitlines() if line.startswith("| `")]
        for name in (name for line in tables for name in re.findall(r"`(\w+)`", line.split("|")[1])):
            assert (relation, name) in columns


def test_every_reason_is_there(page):
    rooms = ("observation/validation", "webhook/reader", "webhook/meta", "webhook/twilio", "webhook/aisensy", "import/row", "dead_letter/kept_out")
    files = [pages.ROOT / "extension" / f"{name}.cpp" for name in rooms]
    source = "\n".join(re.sub(r"//.*", "", file.read_text(encoding="utf-8")) for file in files)
    # What is written in words is a reason; keys and labels have no blanks.
    reasons = {literal.replace('\\"', '"') for literal in re.findall(r'"((?:[^"\\\n]|\\.)+)"', source) if " " in literal}
    assert "the message id is longer than 512 bytes" in reasons
    named = {*code_spans(section(page, "## Dead letters")), *code_spans(section(page, "## Importing history"))}
    assert reasons <= named, reasons - named


def test_every_signature_is_right(docs_server, database, page):
    text = "\n".join(code_spans(page))
    internal = code_spans(page[page.index("Not to be called by hand"):])
    functions = [row for row in docs_server.query(database, SIGNATURES) if row["name"] not in internal]
    assert functions
    for row in functions:
        arguments = short(re.sub(r", OUT .*", "", row["arguments"]))
        assert f"{row['name']}({arguments})" in text, f"{row['name']}({arguments})"


def test_every_result_is_right(docs_server, database, page):
    for row in docs_server.query(database, SIGNATURES):
        result = short(row["result"])
        heading = re.search(rf"^### `{row['name']}\(.*\)` → (.*)$", page, flags=re.MULTILINE)
        if heading:
            assert heading[1] == ("rows" if result.startswith(("TABLE", "SETOF")) else f"`{result}`"), row["name"]


def test_every_heading_of_a_function_is_one(docs_server, database, page):
    functions = {row["name"] for row in docs_server.query(database, FUNCTIONS)}
    headings = re.findall(r"^### `(\w+)\(", page, flags=re.MULTILINE)
    assert headings
    assert set(headings) <= functions


def test_the_table_of_states(docs_server, database, page):
    rows = [[cell.strip() for cell in line.split("|")[1:-1]]
            for line in section(page, "## delivery_state").splitlines() if re.match(r"\| `\w+` \| (incom|outgo)ing ", line)]
    shown = [{"state": state.strip("`"), "implies": sorted(re.findall(r"\w+", implied)), "failure": failure == "yes",
              "final": final == "yes"} for state, _, implied, failure, final in rows]
    actual = docs_server.query(database, f"""
        SELECT s::text AS state, msgstatus.is_failure(s) AS failure, msgstatus.is_final(s) AS final,
            (SELECT coalesce(json_agg(k ORDER BY k), '[]') FROM jsonb_object_keys(
                msgstatus.message_status(s, '2024-12-10 10:30Z')::jsonb) AS k WHERE k <> s::text) AS implies
        FROM ({STATES}) AS v (s) ORDER BY s""")
    assert shown == actual
    assert len(actual) == 16
