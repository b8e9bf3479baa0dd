"""The rooms of extension and receiver stand on floors: a room includes lower floors only. extension.mk lists every file of SQL."""

import re
import subprocess

import pages
import pytest

EXTENSION = pages.ROOT / "extension"
LIST = (EXTENSION / "extension.mk").read_text(encoding="utf-8").replace("\\\n", " ")
FLOORS = {
    room: int(number) for number, rooms in re.findall(r"^FLOOR_(\d+) = (.*)$", LIST, re.MULTILINE) for room in rooms.split()
}
SQL = {room: names.split() for room, names in re.findall(r"^SQL_(\w+) = (.*)$", LIST, re.MULTILINE)}
LAST = {"install": ["privileges"]}
# A room beside the floors: its SQL is in no new database, and its files are listed by the releases that they update.
BESIDE = "updates"
INCLUDE = re.compile(r'^#include "(\w+)/\w+\.hpp"$', re.MULTILINE)


def arrows():
    """Returns (file, room, included room) for each include of another room."""
    for path in sorted(EXTENSION.glob("*/*.[ch]pp")):
        for included in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if included != path.parent.name:
                yield path.relative_to(EXTENSION), path.parent.name, included


def test_no_arrow_runs_up():
    found = list(arrows())
    assert len(found) > 100
    assert [str(path) + " includes " + to for path, room, to in found if FLOORS.get(to, 99) >= FLOORS[room]] == []


def test_every_room_has_a_floor():
    rooms = {path.parent.name for path in EXTENSION.glob("*/*.*") if path.suffix in (".cpp", ".hpp", ".sql")}
    assert rooms == {*FLOORS, BESIDE}


def test_every_file_of_sql_is_listed_once():
    listed = [f"{room}/{name}.sql" for part in (SQL, LAST) for room, names in part.items() for name in names]
    assert sorted(listed) == sorted(str(path.relative_to(EXTENSION)) for path in EXTENSION.glob("*/*.sql")
                                    if path.parent.name != BESIDE)
    releases = re.search(r"^UPDATES_FROM = (.*)$", LIST, re.MULTILINE)[1].split()
    assert sorted(path.stem for path in (EXTENSION / BESIDE).glob("*.sql")) == sorted([*releases, "begin", "end"])


@pytest.mark.parametrize("room", sorted(FLOORS))
def test_a_room_is_surveyable(room):
    # README.md tells of the files, and is none of them.
    files = [path for path in (EXTENSION / room).iterdir() if path.suffix in (".cpp", ".hpp", ".sql")]
    assert len(files) <= 25


@pytest.mark.parametrize("room", sorted([*FLOORS, BESIDE]))
def test_a_room_says_what_it_is(room):
    lines = (EXTENSION / room / "README.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# {room}"
    assert 20 <= len(lines) <= 60
    assert [line for line in lines if len(line) > 120] == []


@pytest.mark.parametrize("room", sorted(FLOORS))
def test_a_room_stands_on_what_it_includes(room):
    page = (EXTENSION / room / "README.md").read_text(encoding="utf-8")
    stands_on = page.partition("**Stands on**")[2].partition("\n\n")[0]
    included = {to for _, including, to in arrows() if including == room}
    assert included - set(re.findall(r"\.\./(\w+)/README\.md", stands_on)) == set()


def test_the_entrance_leads_to_every_room():
    entrance = (EXTENSION / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\((\w+)/README\.md\)", entrance)) == {*FLOORS, BESIDE}


def test_another_postgresql_gets_objects_of_its_own(tmp_path):
    for name in ("Makefile", "META.json", "extension"):
        subprocess.run(["cp", "-a", str(pages.ROOT / name), str(tmp_path)], check=True)
    made = "extension/core/base64url.o"
    (tmp_path / made).touch()
    command = ["make", "-C", str(tmp_path), "BUILD_WITH_PGXS=1", "NO_APT=1", made]

    def compiled(version):
        return "base64url.cpp" in subprocess.run([*command, "--dry-run", f"VERSION={version}"], check=True, capture_output=True, text=True).stdout

    assert compiled("15.98")
    (tmp_path / made).touch()
    assert not compiled("15.98")
    assert compiled("15.99")


RECEIVER = pages.ROOT / "receiver"
# From the bottom up; "." are the files beside the rooms.
RECEIVER_FLOORS = {room: floor for floor, rooms in enumerate(
    ("base service", "access observe", "http", "config jobs", "database", "spool webhook", "commands console refresh", ".")) for room in rooms.split()}
PROGRAMS = {"console", "refresh"}  # of their own, from the same rooms; nothing else includes them
RECEIVER_INCLUDE = re.compile(r'^#include "(?:(\w+)/)?\w+\.hpp"$', re.MULTILINE)


def test_no_arrow_of_the_receiver_runs_up():
    wrong, arrows_seen = [], 0
    for path in sorted(RECEIVER.rglob("*.[ch]pp")):
        room = str(path.relative_to(RECEIVER).parent)
        for included in RECEIVER_INCLUDE.findall(path.read_text(encoding="utf-8")):
            if (included or ".") == room:
                continue
            arrows_seen += 1
            if RECEIVER_FLOORS[included or "."] >= RECEIVER_FLOORS[room]:
                wrong.append(f"{path.relative_to(RECEIVER)} includes {included}")
    assert arrows_seen > 50
    assert wrong == []


def test_every_room_of_the_receiver_has_a_floor():
    rooms = {str(path.relative_to(RECEIVER).parent) for path in RECEIVER.rglob("*.[ch]pp")}
    assert rooms | PROGRAMS == set(RECEIVER_FLOORS)


def test_the_receiver_can_be_read():
    files = [path for path in RECEIVER.rglob("*.[ch]pp") if path.parent.name not in PROGRAMS]
    assert len(files) <= 70
