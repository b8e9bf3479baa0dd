"""Settings: what the program says of wrong ones, and that none of them lets it start."""

import socket

import pytest

from receiver import Receiver, run
from webhooks import one


@pytest.mark.parametrize("flags, variables, setting", [
    (["--no-such"], {}, "no-such"),
    (["--listen", "nowhere"], {}, "listen"),
    (["--admin-listen", "127.0.0.1:http"], {}, "admin-listen"),
    (["--lanes", "0"], {}, "lanes"),
    (["--lanes", "two"], {}, "lanes"),
    (["--database", "host=x no-such=y"], {}, "database"),
    (["--database", "postgresql://[::1"], {}, "database"),
    (["--public-url", "hooks.example.org"], {}, "public-url"),
    (["--log-level", "loud"], {}, "log-level"),
    (["--config", "/nonexistent/file"], {}, "config"),
    (["--twilio-auth-token-file", "/nonexistent/file"], {}, "twilio-auth-token-file"),
    (["--meta-app-secret", "on-the-command-line"], {}, "meta-app-secret"),
    ([], {"MSGSTATUS_BATCH_MAX": "many"}, "MSGSTATUS_BATCH_MAX"),
    ([], {"MSGSTATUS_AISENSY_SECRET": "a", "MSGSTATUS_AISENSY_SECRET_FILE": "b"}, "aisensy-secret"),
])
def test_bad_settings(flags, variables, setting):
    for check in ([], ["--check-config"]):
        done = run(*flags, *check, **variables)
        assert done.returncode == 2
        assert setting in done.stderr
        assert "on-the-command-line" not in done.stderr


def test_check_config(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hidden-secret\n")
    conf = tmp_path / "conf"
    conf.write_text(f"# the receiver\nlanes = 3\nmeta-app-secret-file = {secret}\nlisten = 127.0.0.1:0\n")
    done = run("--config", str(conf), "--check-config")
    assert done.returncode == 0 and "hidden-secret" not in done.stdout + done.stderr
    conf.write_text("no-such-setting = 3\n")
    done = run("--config", str(conf), "--check-config")
    assert done.returncode == 2 and "no-such-setting" in done.stderr


def test_check_config_warns():
    done = run("--check-config")
    assert done.returncode == 0
    assert "nothing is configured" in done.stderr and "no secret is set for meta, twilio, aisensy" in done.stderr
    secrets = {"MSGSTATUS_META_APP_SECRET": "a", "MSGSTATUS_AISENSY_SECRET": "b"}
    done = run("--check-config", **secrets)
    assert "meta-verify-token: not set, so Meta's handshake gets 403" in done.stderr
    done = run("--check-config", **secrets, MSGSTATUS_META_VERIFY_TOKEN="c")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "no secret is set for twilio: their" in done.stderr


def test_help_and_version():
    done = run("--help")
    assert done.returncode == 0 and "--allow-unsigned" in done.stdout and "MSGSTATUS_ADMIN_LISTEN" in done.stdout
    assert "sign PROVIDER [option]... [FILE|-]" in done.stdout and "--url URL" in done.stdout
    done = run("--version")
    assert done.returncode == 0 and done.stdout.startswith("msgstatus-receiver ")


def test_a_port_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 1
    assert "listen" in done.stderr and "in use" in done.stderr


def test_all_from_the_environment(database):
    with Receiver("", MSGSTATUS_DATABASE="overridden by the flag", MSGSTATUS_ALLOW_UNSIGNED="1", MSGSTATUS_LANES="3",
                  PGHOST="127.0.0.1", PGPORT=str(database.server.port), PGUSER="postgres",
                  PGDATABASE=database.name) as receiver:
        receiver.wait_ready()
        assert receiver.metric("msgstatus_lanes") == 3
        assert receiver.post("/webhook", one()).status == 200
        receiver.stop()
