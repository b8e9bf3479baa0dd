"""SIGHUP: secrets change without a restart."""

import pytest

from client import FORM, Connection, aisensy_signature, form, meta_signature, twilio_signature
from webhooks import new_id, one, twilio_fields

URL = "https://hooks.example.org"


@pytest.fixture
def secrets(tmp_path):
    """Writes the files of all secrets and returns the flags that name them."""
    def write(**lines):
        for name in ("meta-app-secret", "meta-verify-token", "twilio-auth-token", "aisensy-secret"):
            content = lines.get(name.replace("-", "_"), ["old"])
            (tmp_path / name).write_text("".join(f"{name}-{line}\n" for line in content))
        return [flag for path in tmp_path.iterdir() for flag in (f"--{path.name}-file", str(path))]
    return write


def statuses(receiver, which):
    """Returns the answers to a webhook of each provider, and to the handshake, with such secrets."""
    body = one()
    meta = receiver.post("/webhooks/meta", body, meta_signature(f"meta-app-secret-{which}", body)).status
    body = b'{"id": "%s", "status": "sent"}' % new_id().encode()
    aisensy = receiver.post("/webhooks/aisensy", body, aisensy_signature(f"aisensy-secret-{which}", body)).status
    fields = twilio_fields(new_id("SM"))
    signature = twilio_signature(f"twilio-auth-token-{which}", URL + "/webhooks/twilio/status", fields)
    twilio = receiver.request("POST", "/webhooks/twilio/status", form(fields), {**FORM, **signature}).status
    token = f"hub.mode=subscribe&hub.challenge=1&hub.verify_token=meta-verify-token-{which}"
    return meta, aisensy, twilio, receiver.request("GET", f"/webhooks/meta?{token}").status


TAKEN = (200, 200, 204, 200)
REFUSED = (401, 401, 401, 403)


def reload(receiver, count, event="reloaded"):
    receiver.hang_up()
    return receiver.wait_for_log(event, count)


def test_a_secret_is_exchanged_while_webhooks_come_in(start, secrets):
    receiver = start("--public-url", URL, *secrets())
    assert (statuses(receiver, "old"), statuses(receiver, "new")) == (TAKEN, REFUSED)
    both = ["old", "new"]
    secrets(meta_app_secret=both, meta_verify_token=both, twilio_auth_token=both, aisensy_secret=both)
    with Connection(receiver.port) as connection:
        body = one()
        assert connection.post("/webhooks/meta", body, meta_signature("meta-app-secret-old", body)).status == 200
        reload(receiver, 1)
        assert (statuses(receiver, "old"), statuses(receiver, "new")) == (TAKEN, TAKEN)
        new = ["new"]
        secrets(meta_app_secret=new, meta_verify_token=new, twilio_auth_token=new, aisensy_secret=new)
        reload(receiver, 2)
        assert (statuses(receiver, "old"), statuses(receiver, "new")) == (REFUSED, TAKEN)
        for secret, status in (("old", 401), ("new", 200)):
            signature = meta_signature(f"meta-app-secret-{secret}", body)
            assert connection.post("/webhooks/meta", body, signature).status == status, "on the same connection"
    assert receiver.metric("msgstatus_reloads_total") == 2


def test_all_or_nothing(start, secrets, tmp_path):
    receiver = start("--public-url", URL, *secrets())
    secrets(meta_app_secret=["new"], meta_verify_token=["new"], twilio_auth_token=["new"])
    (tmp_path / "aisensy-secret").write_text("\n")
    entry = reload(receiver, 1, "reload failed")
    assert entry["level"] == "error" and "aisensy-secret-file" in entry["reason"]
    assert (statuses(receiver, "old"), statuses(receiver, "new")) == (TAKEN, REFUSED)
    assert receiver.metric("msgstatus_reload_failures_total") == 1
    (tmp_path / "aisensy-secret").unlink()
    assert "No such file" in reload(receiver, 2, "reload failed")["reason"]
    assert (statuses(receiver, "old"), statuses(receiver, "new")) == (TAKEN, REFUSED)
    secrets(aisensy_secret=["new"])
    reload(receiver, 1)
    assert "secret-old" not in receiver.log and "secret-new" not in receiver.log


def test_what_is_in_the_environment_stays(start):
    receiver = start(MSGSTATUS_AISENSY_SECRET="aisensy-secret-old")
    reload(receiver, 1)
    body = b'{"id": "%s", "status": "sent"}' % new_id().encode()
    assert receiver.post("/webhooks/aisensy", body, aisensy_signature("aisensy-secret-old", body)).status == 200
    assert receiver.post("/webhooks/aisensy", body).status == 401
