"""The names of tests say what they test: a reader of extension/ROOM looks for test/pgtap/ROOM_*.sql."""

import re

import pages
import pytest
from test_floors import FLOORS

TESTS = sorted((pages.ROOT / "test/pgtap").glob("*.sql"))


@pytest.mark.parametrize("name", [path.stem for path in TESTS])
def test_a_pgtap_file_begins_with_its_room(name):
    assert re.match(rf"({'|'.join(FLOORS)})(_|$)", name)


def test_no_suite_imports_from_a_conftest():
    """All of them are the module `conftest` to Python, so that an import finds any of them."""
    files = (pages.ROOT / "test").rglob("*.py")
    assert [str(path) for path in files if re.search(r"^\s*(from|import) conftest\b", path.read_text(encoding="utf-8"), re.MULTILINE)] == []
