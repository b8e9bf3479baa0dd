"""docs/operations.md names every setting, answer, metric and event of the receiver, as it is."""

import os
import re
import subprocess
import time
import urllib.request

import pages
import pytest
from pages import code_spans, section
from pgserver import free_port

# The program's options that are no settings, and what --help shows of one: name, default.
COMMANDS = {"config", "check-config", "help", "version"}
OPTION = re.compile(r"^  (?:-\w \[ )?--([\w-]+)(?: \])?(?: [A-Z:]+)?(?: \(=([^)]*)\))?", flags=re.MULTILINE)
# Webhook answers that are no error_answer: committed, empty, and unavailable_answer.
OTHER_ANSWERS = {"200", "204", "503"}


@pytest.fixture(scope="module")
def page():
    return (pages.ROOT / "docs/operations.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def options(receiver_program):
    """The options of --help with their defaults."""
    shown = subprocess.run([receiver_program, "--help"], capture_output=True, text=True, check=True).stdout
    found = dict(OPTION.findall(shown))
    assert COMMANDS < found.keys()
    assert found["listen"] == "127.0.0.1:8080"
    return found


def rows(text):
    """rows does return the rows of a section's tables as lists of cells, without headings and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if not line.startswith("|--")]


def sources(pattern):
    """sources does return all that a pattern finds in the receiver's source."""
    files = sorted((pages.ROOT / "receiver").rglob("*.cpp"))
    assert files
    return {match for file in files for match in re.findall(pattern, file.read_text(encoding="utf-8"))}


def test_settings(page, options):
    shown = {}
    for names, default, *_ in rows(section(page, "### Settings"))[1:]:
        for name in re.findall(r"`([^`]+)`", names):
            shown[name] = default.strip("`")
    assert shown == {name: default for name, default in options.items() if name not in COMMANDS}


def test_commands(page):
    named = set(code_spans(section(page, "### Settings")))
    assert {f"--{name}" for name in COMMANDS} <= named


def test_secrets(page, options):
    shown = rows(section(page, "### Secrets"))[1:]
    assert {row[1].strip("`") for row in shown} == {name for name in options if name.endswith("-file")}
    for _, setting, variable, _ in shown:
        assert variable.strip("`") == "MSGSTATUS_" + setting.strip("`").removesuffix("-file").upper().replace("-", "_")


def test_flags_named_anywhere_exist(page, options):
    named = {flag for span in code_spans(page) for flag in re.findall(r"^--([\w-]+)$", span)}
    assert named
    assert named <= options.keys()


def test_the_configuration_file(page, receiver_program, tmp_path):
    (config,) = (block for block in pages.blocks_of(page) if block.language == "conf")
    path = tmp_path / "receiver.conf"
    path.write_text(config.text + "\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MSGSTATUS_")}
    checked = subprocess.run([receiver_program, "--config", path, "--check-config"], env=environment, capture_output=True,
                             text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_unit_sets_what_there_is(page, options):
    (unit,) = (block for block in pages.blocks_of(page) if block.language == "ini")
    variables = re.findall(r"^Environment=MSGSTATUS_(\w+)=", unit.text, flags=re.MULTILINE)
    assert variables
    assert {variable.lower().replace("_", "-") for variable in variables} <= options.keys()


def test_answers(page):
    shown = {code for cell, *_ in rows(section(page, "### Answers")) for code in re.findall(r"\b\d{3}\b", cell)}
    assert shown == sources(r"error_answer\((\d{3})\b") | OTHER_ANSWERS


def test_events(page):
    shown = {event for cell, *_ in rows(section(page, "### Logs")) for event in re.findall(r"`([^`]+)`", cell)}
    assert shown == sources(r"\blog\(LogLevel::\w+,\s*\"([^\"]+)\"")


def test_metrics(page, receiver_program):
    admin_port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "MSGSTATUS_"))}
    receiver = subprocess.Popen([receiver_program, "--listen", "127.0.0.1:0", "--admin-listen", f"127.0.0.1:{admin_port}",
                                 "--database", f"host=127.0.0.1 port={free_port()}"], env=environment,
                                stderr=subprocess.DEVNULL)
    try:
        text = None
        deadline = time.monotonic() + 30
        while text is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/metrics", timeout=2) as answer:
                    text = answer.read().decode()
            except OSError:
                assert receiver.poll() is None
                time.sleep(0.05)
    finally:
        receiver.terminate()
        receiver.wait()
    assert text is not None
    shown = {name for cell, *_ in rows(section(page, "### Health and metrics"))
             for name in re.findall(r"`((?:msgstatus|process)_\w+)`", cell)}
    assert shown == set(re.findall(r"^# TYPE (\w+) ", text, flags=re.MULTILINE))
