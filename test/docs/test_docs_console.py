"""docs/operations/console.md and docs/reference/console-api.md say every setting, metric, log event and route, as it is."""

import re
import subprocess

import pages
import pytest
from pages import code_spans, section

PAGE = (pages.ROOT / "docs/operations/console.md").read_text(encoding="utf-8")
API = (pages.ROOT / "docs/reference/console-api.md").read_text(encoding="utf-8")
SOURCE = pages.ROOT / "receiver/console"
COMMANDS = {"config", "check-config", "help", "settings", "version"}


@pytest.fixture(scope="module", name="program")
def console_program(receiver_program):
    beside = receiver_program.with_name("msgstatus-console")
    return beside if beside.exists() else pages.ROOT / "build/receiver/console/msgstatus-console"


def sources(pattern):
    files = [*SOURCE.glob("*.cpp"), pages.ROOT / "receiver/config/program.cpp"]  # what every program does at start
    return {match for file in files for match in re.findall(pattern, file.read_text(encoding="utf-8"))}


def test_settings(program):
    shown = subprocess.run([program, "--settings"], capture_output=True, text=True, check=True).stdout
    assert shown.count("\n") > 15
    assert shown in section(PAGE, "## Settings")
    spans = {span.split()[0] for span in code_spans(section(PAGE, "## Settings"))}
    assert {f"--{name}" for name in COMMANDS} <= spans


def test_metrics():
    shown = set(re.findall(r"`msgstatus_console_(\w+)`", section(PAGE, "## Watch")))
    assert shown == sources(r"heading\(out, \"(\w+)\"")


def test_events():
    shown = {event for line in section(PAGE, "## Logs").splitlines() if re.match(r"\| `[^|]*\| \w+(, \w+)* \|", line)
             for event in re.findall(r"`([^`]+)`", line.split("|")[1])}
    assert shown == sources(r"\blog\(\s*LogLevel::\w+,\s*\"([^\"]+)\"")


def test_routes():
    table = set(re.findall(r"\{\w+, \w+, \"(/[^\"]*)\"", (SOURCE / "routes.cpp").read_text(encoding="utf-8")))
    named = {path for span in code_spans(section(API, "## Routes")) for path in re.findall(r"^(?:GET |POST )?(/\S*)$", span)}
    assert len(table) > 30
    assert named == table


def test_the_unit_is_as_the_page_says():
    unit = (pages.ROOT / "receiver/systemd/msgstatus-console.service").read_text(encoding="utf-8")
    assert "--config /etc/msgstatus/console.conf\n" in unit and "`/etc/msgstatus/console.conf`" in PAGE
    assert "LoadCredential=secrets:/etc/msgstatus/console-secrets\n" in unit and "`/etc/msgstatus/console-secrets`" in PAGE
    assert "RuntimeDirectory=msgstatus-console\n" in unit and "listen = unix:/run/msgstatus-console/" in PAGE
    # Nobody is in the group of a user that systemd makes up, so a proxy needs the drop-in to open the socket.
    assert "DynamicUser=yes\n" in unit and "\nGroup=" not in unit
    (drop_in,) = [block.text for block in pages.blocks_of(PAGE) if block.language == "ini"]
    assert re.fullmatch(r"\[Service\]\nGroup=\S+\n?", drop_in)


@pytest.mark.parametrize("number", [0, 1])
def test_the_configuration_files(program, tmp_path, number):
    config = [block.text for block in pages.blocks_of(PAGE) if block.language == "conf"][number]
    lines = [line for line in config.splitlines() if not line.startswith("tls-")]
    (tmp_path / "console.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    checked = subprocess.run([program, "--config", tmp_path / "console.conf", "--check-config"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_unit_is_as_the_page_says():
    unit = (pages.ROOT / "receiver/systemd/msgstatus-console.service").read_text(encoding="utf-8")
    assert "--config /etc/msgstatus/console.conf\n" in unit and "`/etc/msgstatus/console.conf`" in PAGE
    assert "LoadCredential=secrets:/etc/msgstatus/console-secrets\n" in unit and "`/etc/msgstatus/console-secrets`" in PAGE
    assert "RuntimeDirectory=msgstatus-console\n" in unit and "unix:/run/msgstatus-console/" in PAGE
