"""docs/operations/refresh.md names every setting, metric and log event of msgstatus-refresh, as it is."""

import re
import subprocess

import pages
import pytest
from pages import code_spans, section
from receiver import clean_environment

PAGE = (pages.ROOT / "docs/operations/refresh.md").read_text(encoding="utf-8")
COMMANDS = {"config", "check-config", "once", "dry-run", "help", "settings", "version"}
CREDENTIALS = "/run/credentials/msgstatus-refresh.service"


@pytest.fixture(scope="module", name="program")
def refresh_program(receiver_program):
    beside = receiver_program.with_name("msgstatus-refresh")
    return beside if beside.exists() else pages.ROOT / "build/receiver/refresh/msgstatus-refresh"


def sources(pattern):
    files = [*sorted((pages.ROOT / "receiver/refresh").glob("*.cpp")), pages.ROOT / "receiver/config/program.cpp"]
    return {match for file in files for match in re.findall(pattern, file.read_text(encoding="utf-8"))}


def test_settings(program):
    shown = subprocess.run([program, "--settings"], capture_output=True, text=True, check=True).stdout
    assert shown.count("\n") > 15
    assert shown in section(PAGE, "## Settings")
    assert {f"--{name}" for name in COMMANDS} <= set(code_spans(section(PAGE, "## Settings")))


def test_metrics():
    shown = set(re.findall(r"`(msgstatus_\w+)`", section(PAGE, "## Watch")))
    assert shown == sources(r"\"(msgstatus_refresh_\w+)\"")


def test_events():
    shown = {event for line in section(PAGE, "## Logs").splitlines() if re.match(r"\| `[^|]*\| \w+(, \w+)* \|", line)
             for event in re.findall(r"`([^`]+)`", line.split("|")[1])}
    assert shown == sources(r"\blog\(\s*(?:LogLevel::\w+|receiver::LogLevel::\w+|[^,;]*LogLevel::\w+),\s*\"([^\"]+)\"")


def test_the_configuration_file(program, tmp_path):
    (config,) = [block.text for block in pages.blocks_of(PAGE) if block.language == "conf"]
    (tmp_path / "secrets_twilio-api-secret").write_text("a-secret\n", encoding="utf-8")
    path = tmp_path / "refresh.conf"
    path.write_text(config.replace(CREDENTIALS, str(tmp_path)) + "\n", encoding="utf-8")
    checked = subprocess.run([program, "--config", path, "--check-config"], env=clean_environment(), capture_output=True, text=True,
                             check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_unit_is_as_the_page_says():
    unit = (pages.ROOT / "receiver/systemd/msgstatus-refresh.service").read_text(encoding="utf-8")
    assert "--config /etc/msgstatus/refresh.conf\n" in unit and "`/etc/msgstatus/refresh.conf`" in PAGE
    assert "LoadCredential=secrets:/etc/msgstatus/refresh-secrets\n" in unit and "`/etc/msgstatus/refresh-secrets`" in PAGE
