"""The recipes of CONTRIBUTING.md name every file that their examples stand in, and the recipe for a view makes one."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pages
import pytest
from pages import code_spans, section

CONTRIBUTING = (pages.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SUFFIXES = {".cpp", ".hpp", ".sql", ".py", ".md", ".yml", ".json", ".out", ".mk", ".control"}
# For each recipe the word to search for, and the folders in which the recipe names each file that has the word.
EXAMPLES = {
    "### A provider": [("wati", ["extension", "test/pgtap", "docs"]), ("aisensy", ["receiver"])],
    "### A fact column": [("pricing_category", ["extension"])],
    "### A state": [("partially_delivered", ["extension"])],
    "### A view": [("delivery_funnel", ["extension", "test"])],
    "### A setting": [("spool[-_]after", ["receiver", "docs/operations"]), ("rejected_kept", ["extension", "test/pgtap"])],
    "### A metric": [("rate_limited", ["receiver", "docs/operations"])],
    "### An alert": [("MsgstatusSpoolFilling", ["docs", "test"]), ("read_rate_low", ["extension", "test/pgtap"])],
}
# What stands for any file of a kind, and what merely mentions an example.
BUILT = re.compile(r"extension/msgstatus--[\d.-]+\.sql")
MENTIONS = {"### A provider": {"extension/webhook/meta.cpp", "test/pgtap/webhook_others.sql", "docs/reference/tables.md"},
            "### A view": {"extension/analytics/volume_views.sql", "test/property/support/earlier_tables.sql"},
            "### An alert": {"test/docs/test_recipes.py", "test/pgtap/install_replica_identity.sql"},
            "### A setting": {"test/pgtap/install_replica_identity.sql"}}


def files_with(pattern, folder):
    """Returns the files below a folder that contain a pattern, relative to the root."""
    for path in sorted((pages.ROOT / folder).rglob("*")):
        name = str(path.relative_to(pages.ROOT))
        if path.is_file() and path.suffix in SUFFIXES and not BUILT.fullmatch(name) and \
                re.search(pattern, path.read_text(encoding="utf-8", errors="replace")):
            yield name


def named_in(recipe):
    """Returns the paths that a recipe names, in its text and as the files of its patches."""
    text = section(CONTRIBUTING, recipe)
    return {span for span in code_spans(text) if "/" in span} | set(re.findall(r"^\+\+\+ (\S+)$", text, flags=re.MULTILINE))


@pytest.mark.parametrize("recipe, pattern, folder", [
    (recipe, pattern, folder) for recipe, examples in EXAMPLES.items() for pattern, folders in examples for folder in folders])
def test_a_recipe_names_every_file_of_its_example(recipe, pattern, folder):
    found = set(files_with(pattern, folder)) - MENTIONS.get(recipe, set()) - {"test/docs/test_recipes.py"}
    assert found
    assert found <= named_in(recipe), sorted(found - named_in(recipe))


def test_every_file_named_exists():
    """A path with a word in capitals stands for any file of its kind; a patch may make a file."""
    paths = {span for span in code_spans(CONTRIBUTING) if re.fullmatch(r"[\w.-]+(/[\w.-]+)+", span) and not re.search(r"[A-Z]{3}", span)}
    assert len(paths) > 60
    missing = {path for path in paths if not (pages.ROOT / path).exists()}
    assert missing == set()


def apply_patch(root, patch):
    """Applies a ```diff block: below `+++ FILE`, a line that begins with a minus sign is a part of a line of the file to be replaced
    with what follows, one with a blank is such a line, and plus signs add text after it, or make the file."""
    for part in re.split(r"^\+\+\+ ", patch, flags=re.MULTILINE)[1:]:
        name, *lines = part.splitlines()
        path = root / name
        added = "\n".join(line[1:] for line in lines if line.startswith("+"))
        if all(line.startswith("+") for line in lines):
            assert not path.exists(), name
            path.write_text(added + "\n", encoding="utf-8")
            continue
        sign, anchor = lines[0][0], lines[0][1:]
        assert sign in "- " and all(line.startswith("+") for line in lines[1:]), part
        text = path.read_text(encoding="utf-8")
        assert text.count(anchor) == 1, f"{name}: {anchor}"
        path.write_text(text.replace(anchor, added if sign == "-" else f"{anchor}\n{added}"), encoding="utf-8")


def psql(server, sql):
    return server.execute("recipe", sql).strip()


@pytest.fixture(scope="module", name="copy")
def followed():
    """A copy of the tree to which the recipe for a view was applied, and its staged installation. The library is the one that is
    staged already: a view is SQL alone. Not below pytest's own directory, into which the server's user cannot look."""
    with tempfile.TemporaryDirectory(prefix="msgstatus-recipe-") as directory:
        root = pathlib.Path(directory)
        root.chmod(0o755)
        follow(root)
        yield root


def follow(root):
    """Makes the copy and its installation below a directory."""
    for folder in ("extension", "test/pgtap"):
        shutil.copytree(pages.ROOT / folder, root / "tree" / folder, ignore=shutil.ignore_patterns("*.o", "*.bc", "*.d", "__pycache__"))
    shutil.copy(pages.ROOT / "Makefile", root / "tree")
    (root / "tree/sql").mkdir()
    for block in pages.blocks_of(section(CONTRIBUTING, "### A view")):
        if block.language == "diff":
            apply_patch(root / "tree", block.text)
    pg_config = os.environ.get("PG_CONFIG", "pg_config")
    (built,) = [path.name for path in (pages.ROOT / "extension").glob("msgstatus--*.sql") if path.name.count("--") == 1]
    subprocess.run(["make", "--no-print-directory", "-C", root / "tree", "BUILD_WITH_PGXS=1", f"PG_CONFIG={pg_config}", "-B",
                    f"extension/{built}"], check=True, capture_output=True)
    stage = root / "stage"
    staged = os.environ.get("MSGSTATUS_STAGE")
    if staged:
        shutil.copytree(staged, stage)
    else:
        subprocess.run(["make", "--no-print-directory", "-C", pages.ROOT, "BUILD_WITH_PGXS=1", "install", f"PG_CONFIG={pg_config}",
                        f"DESTDIR={stage}"], check=True, capture_output=True)
    (target,) = stage.rglob(built)
    shutil.copy(root / "tree/extension" / built, target)


def test_the_recipe_for_a_view_makes_one(copy, monkeypatch):
    monkeypatch.setenv("MSGSTATUS_STAGE", str(copy / "stage"))
    with pages.PgServer() as server:
        server.create_database("recipe")
        server.execute("recipe", "CREATE ROLE analyst; SELECT msgstatus.grant_access('analyst', 'analyst')")
        assert psql(server, """SELECT msgstatus.apply_message_status(jsonb_build_object('id', 'wamid.A', 'status', 'sent',
            'timestamp', extract(epoch FROM now())::bigint)) ->> 'applied'""") == "1"
        assert psql(server, "SET ROLE analyst; SELECT messages FROM msgstatus.messages_by_type") == "1"
        assert psql(server, "SELECT obj_description('msgstatus.messages_by_type'::regclass)") == "Messages of the last 30 days by type"
        assert psql(server, """SELECT string_agg(attname, ' ') FROM pg_attribute
            WHERE attrelid = 'msgstatus.messages_by_type'::regclass AND col_description(attrelid, attnum) IS NULL""") == ""


@pytest.mark.skipif(not shutil.which("pg_prove"), reason="pg_prove (Debian: libtap-parser-sourcehandler-pgtap-perl) is not installed")
def test_the_suites_that_the_recipe_names_pass(copy):
    names = ["install_comments", *(pathlib.Path(name).stem for name in sorted(named_in("### A view")) if name.startswith("test/pgtap/"))]
    assert {"install", "analytics_message_log", "install_search_path"} <= set(names)
    files = [copy / "tree/test/pgtap" / f"{name}.sql" for name in names]
    done = subprocess.run([pages.ROOT / "test/bin/with-server", pages.ROOT / "test/bin/pgtap-database", "pg_prove", "--ext", ".sql", "-d", "pgtap", *files],
                          env={**os.environ, "MSGSTATUS_STAGE": str(copy / "stage")}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
