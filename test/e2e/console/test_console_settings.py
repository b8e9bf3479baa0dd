"""Settings: where they come from, and what the console does not start with."""

import os
import subprocess

import pytest

from console import CONSOLE
from receiver import clean_environment


def run(*flags, **variables):
    return subprocess.run([CONSOLE, *flags], env=clean_environment(**variables), capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("flags, setting", [
    (("--user-header", "X-Remote-User"), "user-header"),
    (("--user-header", "X-Remote-User", "--trusted-proxy", "0.0.0.0/0"), "trusted-proxy"),
    (("--user-header", "X Remote"), "user-header"),
    (("--public-url", "https://log.example.org/path"), "public-url"),
    (("--listen", "8081"), "listen"),
    (("--tls-cert", "missing"), "tls-key"),
    (("--max-sessions", "0"), "max-sessions"),
    (("--sessions-per-role", "0"), "sessions-per-role"),
    (("--database", "host="), None),
    (("--database", "nonsense=1"), "database"),
])
def test_bad_settings(flags, setting):
    done = run("--check-config", *flags)
    assert done.returncode == (2 if setting else 0), done.stderr
    assert setting is None or setting in done.stderr


def test_names_in_the_environment_are_its_own():
    done = run("--check-config", MSGSTATUS_CONSOLE_USER_HEADER="X-User", MSGSTATUS_LISTEN="nonsense")
    assert done.returncode == 2 and "MSGSTATUS_CONSOLE_USER_HEADER" not in done.stdout
    assert run("--check-config", MSGSTATUS_CONSOLE_MAX_SESSIONS="5", MSGSTATUS_LISTEN="nonsense").returncode == 0
    assert "MSGSTATUS_CONSOLE_SESION" in run("--check-config", MSGSTATUS_CONSOLE_SESION="5").stderr


def test_help_and_version():
    assert "--user-header" in run("--help").stdout
    assert run("--version").stdout.startswith("msgstatus-console ")
    assert "| `session-idle` | `1800` |" in run("--settings").stdout


def test_an_address_in_use_is_named():
    done = run("--listen", "192.0.2.1:1", "--admin-listen", "off", "--database", "x")
    assert done.returncode == 1 and "192.0.2.1:1" in done.stderr


def test_a_socket_in_no_folder(tmp_path):
    done = run("--listen", f"unix:{tmp_path}/none/x.sock", "--admin-listen", "off")
    assert done.returncode == 1 and os.fspath(tmp_path) in done.stderr


@pytest.mark.parametrize("flags, warned", [
    (("--public-url", "https://log.example.org"), True),
    (("--public-url", "https://log.example.org", "--listen", "[::1]:8081"), True),
    (("--public-url", "https://log.example.org", "--trusted-proxy", "127.0.0.1"), False),
    (("--public-url", "https://log.example.org", "--listen", "192.0.2.1:8081"), False),
    (("--public-url", "https://log.example.org", "--listen", "unix:/run/x.sock"), False),
    (("--public-url", "http://log.example.org"), False),
    (("--user-header", "X-User", "--trusted-proxy", "127.0.0.0/8"), True),
    (("--user-header", "X-User", "--trusted-proxy", "::1"), True),
    (("--user-header", "X-User", "--trusted-proxy", "192.0.2.1"), False),
    (("--user-header", "X-User", "--listen", "unix:/run/x.sock"), False),
    ((), False),
])
def test_what_is_probably_not_meant(flags, warned):
    done = run("--check-config", *flags)
    assert done.returncode == 0
    assert ("trusted-proxy: " in done.stderr) == warned, done.stderr
