"""A webhook without its provider's signature is refused with 401, and nothing of it is stored."""

import json

import pytest

from client import FORM, aisensy_signature, form, meta_signature, twilio_signature
from secrecy import SECRETS
from receiver import wait_until
from webhooks import aisensy_flat, new_id, one, twilio_fields

META = SECRETS["MSGSTATUS_META_APP_SECRET"]
TWILIO = SECRETS["MSGSTATUS_TWILIO_AUTH_TOKEN"]
AISENSY = SECRETS["MSGSTATUS_AISENSY_SECRET"]


def assert_refused(answer):
    assert (answer.status, answer.json["status"]) == (401, "error")
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("route", ["/webhook", "/webhooks/meta"])
def test_meta(signed_receiver, database, route):
    message_id = new_id()
    body = one(message_id)
    right = meta_signature(META, body)["X-Hub-Signature-256"]
    last = "0" if right[-1] != "0" else "1"
    for signature in ("", "sha256=", right[7:], right[:-1], right + "0", right[:-1] + last, "sha1=" + right[7:],
                      meta_signature("another secret", body)["X-Hub-Signature-256"],
                      meta_signature(META, body + b" ")["X-Hub-Signature-256"]):
        assert_refused(signed_receiver.post(route, body, {"X-Hub-Signature-256": signature}))
    assert_refused(signed_receiver.post(route, body))
    changed = body.replace(b'"sent"', b'"read"')
    assert_refused(signed_receiver.post(route, changed, {"X-Hub-Signature-256": right}))
    assert database.states(message_id) == {}
    assert signed_receiver.post(route, body, {"x-hub-signature-256": right}).status == 200
    assert database.states(message_id) == {message_id: "sent"}


@pytest.mark.parametrize("route", ["/webhook", "/webhooks/aisensy"])
def test_aisensy(signed_receiver, database, route):
    message_id = new_id()
    body = json.dumps(aisensy_flat(message_id)).encode()
    right = aisensy_signature(AISENSY, body)["X-AiSensy-Signature"]
    for signature in ("", "sha256=", right[:-2], "g" + right[1:],
                      aisensy_signature("another secret", body)["X-AiSensy-Signature"]):
        assert_refused(signed_receiver.post(route, body, {"X-AiSensy-Signature": signature}))
    assert_refused(signed_receiver.post(route, body))
    assert_refused(signed_receiver.post(route, body.replace(b"delivered", b"read"), {"X-AiSensy-Signature": right}))
    assert database.states(message_id) == {}
    assert signed_receiver.post(route, body, {"X-AiSensy-Signature": right}).status == 200


@pytest.mark.parametrize("sign, secret", [(meta_signature, META), (aisensy_signature, AISENSY)])
def test_a_signature_of_json_is_none_of_a_form(signed_receiver, database, sign, secret):
    """On /webhook, which takes Twilio's forms: genuine JSON could hold a callback of Twilio's in its text."""
    forged = new_id("SM")
    body = json.dumps({"text": f"&MessageSid={forged}&MessageStatus=failed&To=%2B15550100001&z="}).encode()
    assert signed_receiver.request("POST", "/webhook", body, {**FORM, **sign(secret, body)}).status == 415
    assert database.states(forged) == {}


@pytest.mark.parametrize("route", ["/webhook", "/webhooks/twilio/status"])
def test_twilio(signed_receiver, database, route):
    message_id = new_id("SM")
    fields = twilio_fields(message_id)
    url = "https://hooks.example.org" + route
    right = twilio_signature(TWILIO, url, fields)["X-Twilio-Signature"]

    def post(signature, sent=fields, target=route):
        headers = FORM if signature is None else {**FORM, "X-Twilio-Signature": signature}
        return signed_receiver.request("POST", target, form(sent), headers)

    for signature in (None, "", right[:-1], "A" + right[1:], "*" + right[1:],
                      twilio_signature("another token", url, fields)["X-Twilio-Signature"],
                      twilio_signature(TWILIO, "http://hooks.example.org" + route, fields)["X-Twilio-Signature"],
                      twilio_signature(TWILIO, "https://other.example.org" + route, fields)["X-Twilio-Signature"]):
        assert_refused(post(signature))
    assert_refused(post(right, [*fields, ("Extra", "1")]))
    assert_refused(post(right, fields[:-1]))
    assert_refused(post(right, target=route + "?x=1"))
    assert database.states(message_id) == {}
    assert post(right).status == 204
    assert post(right, fields[::-1]).status == 204, "the order of fields is not signed"


def test_the_log_says_why(signed_receiver):
    # One event a second is logged, so a request may have to be repeated.
    def handshake_is_logged():
        assert signed_receiver.request("GET", "/webhooks/meta?hub.mode=subscribe&hub.verify_token=x").status == 403
        return signed_receiver.events("request refused", route="/webhooks/meta", status=403)

    def signature_is_logged():
        assert_refused(signed_receiver.post("/webhooks/meta", one(), {"X-Hub-Signature-256": "sha256=00"}))
        return signed_receiver.events("signature refused", provider="meta", reason="wrong signature")
    wait_until(handshake_is_logged, "the refused handshake in the log")
    wait_until(signature_is_logged, "the refused signature in the log")


@pytest.mark.parametrize("route", ["/webhook", "/webhooks/twilio/status"])
def test_twilio_by_get(signed_receiver, database, route):
    message_id = new_id("SM")
    target = route + "?" + form(twilio_fields(message_id)).decode()
    right = twilio_signature(TWILIO, "https://hooks.example.org" + target)
    assert signed_receiver.request("GET", target + "0", b"", right).status == 401
    assert signed_receiver.request("GET", target, b"", {"X-Twilio-Signature": "AAAA"}).status == 401
    assert database.states(message_id) == {}
    assert signed_receiver.request("GET", target, b"", right).status == 204
    assert database.states(message_id) == {message_id: "delivered"}


def test_twilio_signing_keys(start, tmp_path):
    path = tmp_path / "keys"
    path.write_text("AKone=key-one-0123\nAKtwo=key-two-0123\n")
    receiver = start("--public-url", "https://hooks.example.org", "--twilio-signing-keys-file", str(path))
    url = "https://hooks.example.org/webhook"

    def post(secret, key):
        fields = twilio_fields(new_id("SM"))
        headers = {**FORM, **twilio_signature(secret, url, fields, key)}
        return receiver.request("POST", "/webhook", form(fields), headers).status

    assert (post("key-one-0123", "AKone"), post("key-two-0123", "AKtwo")) == (204, 204)
    assert (post("key-one-0123", "AKtwo"), post("key-one-0123", "AKthree"), post("key-one-0123", None)) == (401, 401, 401)
    path.write_text("AKthree=key-one-0123\n")
    receiver.hang_up()
    receiver.wait_for_log("reloaded")
    assert (post("key-one-0123", "AKthree"), post("key-one-0123", "AKone")) == (204, 401)
    wait_until(lambda: post("key-one-0123", "AKone") == 401 and receiver.events(
        "signature refused", provider="twilio", reason="unknown signing key or algorithm"), "the reason in the log")
    assert "key-one-0123" not in receiver.log


@pytest.mark.parametrize("sent, signed", [("a%40b", "a@b"), ("a@b", "a%40b"), ("It's", "It%27s"), ("It%27s", "It's"),
                                          ("x+y", "x%20y")])
def test_twilio_query_encodings(signed_receiver, sent, signed):
    fields = twilio_fields(new_id("SM"))
    headers = {**FORM, **twilio_signature(TWILIO, f"https://hooks.example.org/webhook?for={signed}", fields)}
    assert signed_receiver.request("POST", f"/webhook?for={sent}", form(fields), headers).status == 204


@pytest.mark.parametrize("public_url", ["https://hooks.example.org", "https://hooks.example.org:443",
                                        "https://hooks.example.org:8443", "http://hooks.example.org",
                                        "https://hooks.example.org/below/it"])
def test_twilio_port_variants(start, public_url):
    receiver = start("--public-url", public_url, MSGSTATUS_TWILIO_AUTH_TOKEN=TWILIO)
    scheme, rest = public_url.split("://")
    authority, _, path = rest.partition("/")
    host, _, port = authority.partition(":")
    tail = ("/" + path if path else "") + "/webhooks/twilio/status?q=a:1"
    standard = {"https": "443", "http": "80"}[scheme]
    fields = twilio_fields(new_id("SM"))

    def post(url):
        headers = {**FORM, **twilio_signature(TWILIO, url, fields)}
        return receiver.request("POST", "/webhooks/twilio/status?q=a:1", form(fields), headers).status

    assert post(f"{scheme}://{host}{tail}") == 204
    assert post(f"{scheme}://{host}:{port or standard}{tail}") == 204
    assert post(f"{scheme}://{host}:4444{tail}") == 401


def test_twilio_without_public_url_believes_the_host_header(start):
    receiver = start(MSGSTATUS_TWILIO_AUTH_TOKEN=TWILIO)
    assert any(entry["reason"].startswith("public-url") for entry in receiver.events("setting"))
    fields = twilio_fields(new_id("SM"))
    for scheme in ("http", "https"):
        url = f"{scheme}://127.0.0.1:{receiver.port}/webhooks/twilio/status"
        headers = {**FORM, **twilio_signature(TWILIO, url, fields)}
        assert receiver.request("POST", "/webhooks/twilio/status", form(fields), headers).status == 204


def test_a_signature_counts_only_for_its_own_provider(signed_receiver, database):
    message_id = new_id()
    body = one(message_id)
    for secret in (META, AISENSY, TWILIO):
        signatures = [meta_signature(secret, body), aisensy_signature(secret, body)]
        for route, signature, right in [("/webhooks/meta", signatures[1], None), ("/webhooks/aisensy", signatures[0], None),
                                        ("/webhook", signatures[0], META), ("/webhook", signatures[1], AISENSY)]:
            if secret != right:
                assert_refused(signed_receiver.post(route, body, signature))
    both = {**meta_signature(META, body), **aisensy_signature("another secret", body)}
    assert_refused(signed_receiver.post("/webhook", body, both))
    assert database.states(message_id) == {}


def test_without_a_secret_a_provider_is_refused(start, database):
    receiver = start(MSGSTATUS_META_APP_SECRET=META)
    assert receiver.events("setting", level="warning", reason="no secret is set for twilio, aisensy: their webhooks get 401")
    message_id = new_id()
    body = json.dumps(aisensy_flat(message_id)).encode()
    for secret in ("", AISENSY, META):
        assert_refused(receiver.post("/webhooks/aisensy", body, aisensy_signature(secret, body)))
        assert_refused(receiver.post("/webhook", body, aisensy_signature(secret, body)))
    fields = twilio_fields(new_id("SM"))
    url = f"http://127.0.0.1:{receiver.port}/webhook"
    assert_refused(receiver.request("POST", "/webhook", form(fields), {**FORM, **twilio_signature("", url, fields)}))
    assert_refused(receiver.request("POST", "/webhook", form(fields), FORM))
    assert_refused(receiver.post("/webhook", body))
    assert database.states(message_id) == {}
    assert receiver.metric('msgstatus_signature_failures_total{provider="aisensy"}') == 0
    assert receiver.metric('msgstatus_signature_failures_total{provider="webhook"}') > 0

    def reason_is_logged():
        assert_refused(receiver.post("/webhooks/aisensy", body, aisensy_signature(AISENSY, body)))
        return receiver.events("signature refused", provider="aisensy", reason="no secret is set for this provider")
    wait_until(reason_is_logged, "the reason in the log")


def test_allow_unsigned_spares_only_providers_without_a_secret(start, database):
    receiver = start("--allow-unsigned", MSGSTATUS_META_APP_SECRET=META)
    assert any("aisensy" in entry["reason"] and "meta" not in entry["reason"] for entry in receiver.events("setting"))
    forged, unsigned = new_id(), new_id()
    assert_refused(receiver.post("/webhooks/meta", one(forged)))
    assert_refused(receiver.post("/webhook", one(forged), meta_signature("wrong", one(forged))))
    assert receiver.post("/webhooks/aisensy", aisensy_flat(unsigned)).status == 200
    assert database.states(forged, unsigned) == {unsigned: "delivered"}


def test_two_secrets_are_valid_at_a_time(start, tmp_path):
    path = tmp_path / "secret"
    path.write_text("old-secret\nnew-secret\n")
    receiver = start("--meta-app-secret-file", str(path))
    for secret, status in (("old-secret", 200), ("new-secret", 200), ("third", 401), ("old-secret\nnew-secret", 401)):
        body = one()
        assert receiver.post("/webhooks/meta", body, meta_signature(secret, body)).status == status
