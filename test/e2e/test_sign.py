"""`msgstatus-receiver sign` prints the headers with which curl sends what the receiver takes, and no other secret does."""

import json
import subprocess

import pytest

from secrecy import SECRETS
from receiver import PROGRAM, clean_environment, run
from webhooks import aisensy_flat, meta, meta_status, new_id, twilio_fields
from client import form

URL = "https://hooks.example.org"


def curl(receiver, target, headers, body):
    """Returns the status of the answer to a body (none: a GET) with headers as `sign` prints them."""
    data = ["--data-binary", body] if body else []
    done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", "@-", *data,
                           f"http://127.0.0.1:{receiver.port}{target}"], input=headers, capture_output=True, text=True, check=True)
    return int(done.stdout)


def sign(provider, body, *flags, **variables):
    """Returns what `sign` prints for a body on its standard input."""
    return subprocess.run([PROGRAM, "sign", provider, *flags], input=body, env=clean_environment(**variables),
                          capture_output=True, text=True, check=True).stdout


def form_of(message_id):
    return form([*twilio_fields(message_id), ("ErrorMessage", "It's 1 + 1 = 2, é")]).decode()


@pytest.mark.parametrize("provider, route, status, secret, body_of", [
    ("meta", "/webhooks/meta", 200, "MSGSTATUS_META_APP_SECRET", lambda id: json.dumps(meta(meta_status(id, "delivered")), indent=1)),
    ("aisensy", "/webhooks/aisensy", 200, "MSGSTATUS_AISENSY_SECRET", lambda id: json.dumps(aisensy_flat(id))),
    ("twilio", "/webhooks/twilio/status", 204, "MSGSTATUS_TWILIO_AUTH_TOKEN", form_of),
])
def test_what_is_signed_is_taken(signed_receiver, database, provider, route, status, secret, body_of):
    message_id = new_id()
    body = body_of(message_id)
    for wrong in ({secret: "another secret"}, {secret: SECRETS[secret] + "4"}):
        assert curl(signed_receiver, route, sign(provider, body, "--public-url", URL, **wrong), body) == 401
    assert curl(signed_receiver, route, sign(provider, body + " ", "--public-url", URL, **SECRETS), body) == 401
    assert database.states(message_id) == {}
    assert curl(signed_receiver, route, sign(provider, body, "--public-url", URL, **SECRETS), body) == status
    assert database.states(message_id) == {message_id: "delivered"}


def test_twilio_by_get(signed_receiver, database):
    message_id = new_id("SM")
    target = f"/webhooks/twilio/status?{form_of(message_id)}"
    assert curl(signed_receiver, target, sign("twilio", "", "--url", URL + target + "0", **SECRETS), None) == 401
    assert curl(signed_receiver, target, sign("twilio", "", "--url", URL + target, MSGSTATUS_TWILIO_AUTH_TOKEN="another"), None) == 401
    assert database.states(message_id) == {}
    assert curl(signed_receiver, target, sign("twilio", "", "--url", URL + target, **SECRETS), None) == 204
    assert database.states(message_id) == {message_id: "delivered"}


def test_a_signing_key_of_twilio(start, database, tmp_path):
    (tmp_path / "keys").write_text("AKone=key-one-0123\n")
    receiver = start("--public-url", URL, "--twilio-signing-keys-file", str(tmp_path / "keys"))
    message_id = new_id("SM")
    for key, status in (("AKone=key-two-0123", 401), ("AKtwo=key-one-0123", 401), ("AKone=key-one-0123", 204)):
        for body in (form_of(message_id), None):
            target = "/webhooks/twilio/status" + ("" if body else "?" + form_of(message_id))
            headers = sign("twilio", body or "", "--url", URL + target, MSGSTATUS_TWILIO_SIGNING_KEYS=key)
            assert "key-" not in headers and "algorithm=HMAC_SHA256" in headers
            assert curl(receiver, target, headers, body) == status
    assert database.states(message_id) == {message_id: "delivered"}


def test_secrets_come_from_the_configuration_and_bodies_from_files(signed_receiver, tmp_path):
    (tmp_path / "secret").write_text(SECRETS["MSGSTATUS_META_APP_SECRET"] + "\nan-older-one\n")
    (tmp_path / "conf").write_text(f"meta-app-secret-file = {tmp_path / 'secret'}\n")
    body = json.dumps(meta(meta_status(new_id()))) + "\n"
    (tmp_path / "body").write_text(body)
    done = run("sign", "meta", "--config", str(tmp_path / "conf"), str(tmp_path / "body"))
    assert (done.returncode, done.stderr) == (0, "")
    assert curl(signed_receiver, "/webhooks/meta", done.stdout, body) == 200


@pytest.mark.parametrize("flags, variables, status, reason", [
    (["meta", "/dev/null"], {}, 2, "meta-app-secret"),
    (["aisensy", "/dev/null"], {"MSGSTATUS_META_APP_SECRET": "hidden"}, 2, "aisensy-secret"),
    (["twilio", "/dev/null", "--url", URL], {}, 2, "twilio-auth-token"),
    (["twilio", "/dev/null"], {"MSGSTATUS_TWILIO_AUTH_TOKEN": "hidden"}, 2, "public-url"),
    (["meta", "/nonexistent/file"], {"MSGSTATUS_META_APP_SECRET": "hidden"}, 1, "/nonexistent/file"),
    (["meta", "/"], {"MSGSTATUS_META_APP_SECRET": "hidden"}, 1, "directory"),
    (["whatsapp"], {}, 2, "meta, twilio or aisensy"),
])
def test_what_cannot_be_signed(flags, variables, status, reason):
    done = run("sign", *flags, **variables)
    assert (done.returncode, done.stdout) == (status, "")
    assert reason in done.stderr and "hidden" not in done.stderr
