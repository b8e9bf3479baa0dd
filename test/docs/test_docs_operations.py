"""docs/operations.md and the pages below it name every setting, answer, metric and event of the receiver, as it is."""

import os
import re
import shutil
import subprocess

import pages
import pytest
from pages import code_spans, section

# The program's options that are no settings, and what --help shows of one: name, default.
COMMANDS = {"config", "check-config", "url", "help", "settings", "version"}
OPTION = re.compile(r"^  (?:-\w \[ )?--([\w-]+)(?: \])?(?: [A-Z:]+)?(?: \(=([^)]*)\))?", flags=re.MULTILINE)
# Webhook answers that are no error_answer: committed, empty, and unavailable_answer.
OTHER_ANSWERS = {"200", "204", "503"}
UNITS = pages.ROOT / "receiver/systemd"
CREDENTIALS = "/run/credentials/msgstatus-receiver.service"


def page_of(name):
    return (pages.ROOT / "docs" / name).read_text(encoding="utf-8")


DEPLOYING, RECEIVER, MONITORING = map(page_of, ("operations.md", "operations/receiver.md", "operations/monitoring.md"))


@pytest.fixture(scope="module")
def options(receiver_program):
    """The options of --help with their defaults."""
    shown = subprocess.run([receiver_program, "--help"], capture_output=True, text=True, check=True).stdout
    found = dict(OPTION.findall(shown))
    assert COMMANDS < found.keys()
    assert found["listen"] == "127.0.0.1:8080"
    return found


def rows(text):
    """Returns the rows of a section's tables as lists of cells, without headings and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if not line.startswith("|--")]


def sources(pattern):
    """Returns all that a pattern finds in the receiver's source."""
    files = sorted(path for path in (pages.ROOT / "receiver").rglob("*.cpp") if path.parent.name not in {"console", "refresh"})
    assert files
    return {match for file in files for match in re.findall(pattern, file.read_text(encoding="utf-8"))}


def test_settings(receiver_program):
    """The table of the page is what the program prints from its own."""
    shown = subprocess.run([receiver_program, "--settings"], capture_output=True, text=True, check=True).stdout
    assert shown.count("\n") > 40
    assert shown in section(RECEIVER, "## Settings")


def test_commands():
    named = set(code_spans(section(RECEIVER, "## Settings")))
    assert {f"--{name}" for name in COMMANDS} <= named


def test_secrets(options):
    shown = rows(section(RECEIVER, "## Secrets"))[1:]
    assert {row[1].strip("`") for row in shown} == {name for name in options if name.endswith("-file")}
    for _, setting, variable, _ in shown:
        assert variable.strip("`") == "MSGSTATUS_" + setting.strip("`").removesuffix("-file").upper().replace("-", "_")


def test_flags_named_anywhere_exist(options):
    named = {flag for span in code_spans(DEPLOYING + RECEIVER + MONITORING) for flag in re.findall(r"^--([\w-]+)$", span)}
    assert named
    assert named <= options.keys()


def test_the_configuration_files(receiver_program, tmp_path):
    configs = [block.text for block in pages.blocks_of(DEPLOYING) if block.language == "conf"]
    for name in re.findall(rf"{CREDENTIALS}/secrets_([\w-]+)", "\n".join(configs)):
        (tmp_path / f"secrets_{name}").write_text("a-secret-of-some-length\n", encoding="utf-8")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=a",
                    "-out", tmp_path / "secrets_tls-cert", "-keyout", tmp_path / "secrets_tls-key"], check=True, capture_output=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MSGSTATUS_")}
    for config in configs:
        path = tmp_path / "receiver.conf"
        path.write_text(config.replace(CREDENTIALS, str(tmp_path)) + "\n", encoding="utf-8")
        checked = subprocess.run([receiver_program, "--config", path, "--check-config"], env=environment,
                                 capture_output=True, text=True, check=False)
        warnings = [line for line in checked.stderr.splitlines() if "no secret is set for" not in line]
        assert (checked.returncode, warnings) == (0, []), config


def test_the_units_are_as_the_page_says(options):
    service, socket_unit = ((UNITS / f"msgstatus-receiver.{kind}").read_text(encoding="utf-8") for kind in ("service", "socket"))
    start = section(DEPLOYING, "### The receiver")
    assert "--config /etc/msgstatus/receiver.conf\n" in service and "`/etc/msgstatus/receiver.conf`" in start
    assert "LoadCredential=secrets:/etc/msgstatus/secrets\n" in service and "`/etc/msgstatus/secrets`" in start
    assert "StateDirectory=msgstatus\n" in service and "`/var/lib/msgstatus`" in start
    assert f"ListenStream={options['listen']}\n" in socket_unit and f"`{options['listen']}`" in start
    (stop,) = re.findall(r"^TimeoutStopSec=(\d+)$", service, flags=re.MULTILINE)
    assert int(stop) > float(options["drain-timeout"])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_has_no_complaint_about_the_units(receiver_program, tmp_path):
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace("/usr/local/bin/msgstatus-refresh", str(receiver_program)).replace(
            "/usr/local/bin/msgstatus-console", str(receiver_program)).replace(
            "/usr/local/bin/msgstatus-receiver", str(receiver_program))
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    checked = subprocess.run(["systemd-analyze", "verify", *sorted(tmp_path.iterdir())], capture_output=True, text=True,
                             check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_answers():
    shown = {code for cell, *_ in rows(section(RECEIVER, "## Answers")) for code in re.findall(r"\b\d{3}\b", cell)}
    assert shown == sources(r"error_answer\((\d{3})\b") | OTHER_ANSWERS


def test_events():
    shown = {event for cell, *_ in rows(section(MONITORING, "## Logs")) for event in re.findall(r"`([^`]+)`", cell)}
    assert shown == sources(r"\blog\(LogLevel::\w+,\s*\"([^\"]+)\"")


def test_what_to_do_about_events():
    grave = sources(r"\blog\(LogLevel::(?:warning|error),\s*\"([^\"]+)\"")
    assert "reload failed" in grave
    told = set(code_spans(section(DEPLOYING, "## What to do when")))
    assert grave <= told, grave - told


def test_metrics(exposition_families):
    shown = [name for cell, *_ in rows(section(MONITORING, "## Metrics"))
             for name in re.findall(r"`((?:msgstatus|process)_\w+)`", cell)]
    assert sorted(shown) == sorted(exposition_families)
