"""Routes for further providers, as the sections of the settings describe them: each method through the real program."""

import base64
import hashlib
import hmac
import json
import subprocess
import time

import pytest

from client import FORM, form
from receiver import PROGRAM, clean_environment, run, wait_until
from webhooks import new_id

URL = "https://hooks.example.org"
SECRET = "route-secret-0123"
OLD = "route-secret-4567"
USER = "ann:route-password-0123"
STANDARD = "whsec_" + base64.b64encode(b"standard-secret-0123").decode()
TOPIC = "arn:aws:sns:eu-west-1:123456789012:statuses"
CONFIG = """
public-url = https://hooks.example.org
[webhook gupshup]
[webhook 360dialog]
[webhook interakt]
[webhook sinch]
[webhook ycloud]
[webhook bird]
[webhook vonage]
[webhook vonage-sms]
[webhook messagebird]
[webhook plivo]
[webhook wati]
[webhook kaleyra]
[webhook infobip]
[webhook own]
auth = hmac
header = X-Own
digest = sha512
text = {timestamp}:{body}
timestamp-header = X-Own-Time
tolerance = 60
[webhook vonage-eu]
provider = vonage
allow = 192.0.2.0/24
[webhook bandwidth]
[webhook own-form]
auth = hmac
header = X-Own
body = form
[webhook my_shop-of-which-the-name-is-longer-than-forty-letters]
auth = query
"""


def openssl(*arguments, text=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=text, check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A directory with the keys of Telnyx and of Amazon."""
    directory = tmp_path_factory.mktemp("keys")
    openssl("genpkey", "-algorithm", "ed25519", "-out", directory / "ed.key")
    public = openssl("pkey", "-in", directory / "ed.key", "-pubout", "-outform", "DER")[-32:]
    (directory / "ed.pub").write_text(base64.b64encode(public).decode() + "\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=sns.amazonaws.com",
            "-keyout", directory / "sns.key", "-out", directory / "sns.pem")
    return directory


@pytest.fixture
def receiver(start, keys, tmp_path):
    config = tmp_path / "receiver.conf"
    config.write_text(CONFIG + f"[webhook telnyx]\nsecret-file = {keys}/ed.pub\n"
                      f"[webhook aws]\ncertificate-file = {keys}/sns.pem\ntopics = {TOPIC}\n")
    names = ["GUPSHUP", "360DIALOG", "INTERAKT", "SINCH", "YCLOUD", "VONAGE", "VONAGE_SMS", "MESSAGEBIRD", "PLIVO", "WATI",
             "KALEYRA", "OWN", "VONAGE_EU", "OWN_FORM", "MY__SHOP_OF_WHICH_THE_NAME_IS_LONGER_THAN_FORTY_LETTERS"]
    secrets = {f"MSGSTATUS_WEBHOOK_{name}_SECRET": f"{OLD}\n{SECRET}" for name in names}
    running = start("--config", str(config), MSGSTATUS_WEBHOOK_INFOBIP_SECRET=USER, MSGSTATUS_WEBHOOK_BIRD_SECRET=STANDARD,
                    **secrets)
    yield running
    for secret in (SECRET, OLD, USER, base64.b64encode(USER.encode()).decode(), STANDARD):
        assert secret not in running.log, running.log


def status(message_id=None):
    return json.dumps({"statuses": [{"id": message_id or new_id(), "status": "sent", "timestamp": "1767225600",
                                     "recipient_id": "14155550100"}]}).encode()


def mac(text, secret=SECRET, digest="sha256"):
    return hmac.new(secret.encode() if isinstance(secret, str) else secret, text, digest)


def b64(data):
    return base64.b64encode(data).decode()


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(body, secret=SECRET, at=None, algorithm="HS256", **claims):
    claims = {"iat": int(at or time.time()), "iss": "Vonage", "jti": "1", **claims}
    if body:
        claims["payload_hash"] = hashlib.sha256(body).hexdigest()
    content = b64url(json.dumps({"alg": algorithm, "typ": "JWT"}).encode()) + "." + b64url(json.dumps(claims).encode())
    digests = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
    return content + "." + (b64url(mac(content.encode(), secret, digests[algorithm]).digest()) if algorithm in digests else "")


def interakt(body, secret=SECRET, at=None):
    return {"Interakt-Signature": "sha256=" + mac(body, secret).hexdigest()}


def sinch(body, secret=SECRET, at=None):
    at = str(int(at or time.time()))
    return {"x-sinch-webhook-signature": b64(mac(body + b".n." + at.encode(), secret).digest()),
            "x-sinch-webhook-signature-nonce": "n", "x-sinch-webhook-signature-timestamp": at,
            "x-sinch-webhook-signature-algorithm": "HmacSHA256"}


def ycloud(body, secret=SECRET, at=None):
    at = str(int(at or time.time()))
    return {"YCloud-Signature": f"t={at},s=" + mac(at.encode() + b"." + body, secret).hexdigest()}


def bird(body, secret=SECRET, at=None):
    at = str(int(at or time.time()))
    key = b"standard-secret-0123" if secret == SECRET else b"another"
    return {"webhook-id": "msg_1", "webhook-timestamp": at,
            "webhook-signature": "v1,AAAA v1," + b64(mac(b"msg_1." + at.encode() + b"." + body, key).digest())}


def own(body, secret=SECRET, at=None):
    at = str(int(at or time.time()))
    return {"X-Own-Time": at, "X-Own": mac(at.encode() + b":" + body, secret, "sha512").hexdigest()}


def vonage(body, secret=SECRET, at=None):
    return {"Authorization": "Bearer " + jwt(body, secret, at)}


SIGNED = {"interakt": interakt, "sinch": sinch, "ycloud": ycloud, "bird": bird, "own": own, "vonage": vonage}


@pytest.mark.parametrize("name", SIGNED)
def test_signatures(receiver, database, name):
    sign, route = SIGNED[name], f"/webhooks/{name}"
    message_id = new_id()
    body = status(message_id)
    right = sign(body)
    assert receiver.post(route, body, sign(body, "another")).status == 401
    assert receiver.post(route, body.replace(b"sent", b"read"), right).status == 401
    assert receiver.post(route, body).status == (503 if name == "vonage" else 401)
    if name != "interakt":
        assert receiver.post(route, body, sign(body, at=time.time() - 3600)).status == 401
        assert receiver.post(route, body, sign(body, at=time.time() + 3600)).status == 401
    assert database.states(message_id) == {}
    assert receiver.post(route, body, right).status == 200
    assert database.states(message_id) == {message_id: "sent"}
    if name != "bird":
        assert receiver.post(route, body, sign(body, OLD)).status == 200, "either secret"
    assert receiver.request("GET", route).status in (405, 503)
    assert receiver.post(route, b"{", sign(b"{")).status == 400
    assert receiver.metric(f'msgstatus_signature_failures_total{{provider="{name}"}}') >= 3
    assert receiver.metric(f'msgstatus_requests_total{{route="{route}",code="200"}}') >= 1
    assert receiver.metric('msgstatus_unavailable_total{reason="database"}') == 0


def hidden_callback(message_id):
    """Text that is a callback of Twilio's where what holds it is read as a form."""
    return f"&MessageSid={message_id}&MessageStatus=failed&To=%2B15550100001&z="


@pytest.mark.parametrize("name", SIGNED)
def test_a_signature_of_json_is_none_of_a_form(receiver, database, name):
    """The media type is not signed: genuine JSON, sent again as a form, would say whatever somebody wrote into it."""
    forged, route = new_id("SM"), f"/webhooks/{name}"
    body = json.dumps({"type": "message_received", "text": hidden_callback(forged)}).encode()
    for media_type in (FORM["Content-Type"], "Application/X-WWW-Form-Urlencoded; charset=utf-8"):
        assert receiver.request("POST", route, body, {"Content-Type": media_type, **SIGNED[name](body)}).status == 415
    assert database.states(forged) == {}
    assert receiver.metric("msgstatus_bodies_committed_total") == 0


def test_forms_where_a_section_asks_for_them(receiver, database):
    message_id = new_id("SM")
    body = form([("MessageSid", message_id), ("MessageStatus", "delivered"), ("To", "+15550100001")])

    def post(body, headers):
        return receiver.request("POST", "/webhooks/own-form", body, {"X-Own": mac(body).hexdigest(), **headers}).status
    assert post(status(), {"Content-Type": "application/json"}) == 415
    assert post(body, {**FORM, "Content-Encoding": "gzip"}) == 415
    assert post(body, {**FORM, "X-Own": mac(body, "another").hexdigest()}) == 401
    assert post(body, FORM) == 204
    assert database.states(message_id) == {message_id: "delivered"}
    entry = json.dumps([{"srcAddr": "SHOP", "channel": "WHATSAPP", "externalId": (other := new_id("gs")), "cause": "SUCCESS",
                         "errorCode": "000", "destAddr": "15550100001", "eventType": "DELIVERED", "eventTs": "1767225600000"}])
    headers = {**FORM, "Authorization": SECRET}
    assert receiver.request("POST", "/webhooks/gupshup", form([("response", entry)]), headers).status == 204, "Enterprise"
    assert database.states(other) == {other: "delivered"}


def test_names_that_sql_takes(receiver):
    route = "/webhooks/my_shop-of-which-the-name-is-longer-than-forty-letters?token="
    assert receiver.post(route + SECRET, status()).status == 200
    assert receiver.post(route + "x", status()).status == 401


def test_a_token_of_another_algorithm(receiver):
    body = status()
    for token, expected in ((jwt(body, algorithm="HS384"), 200), (jwt(body, algorithm="HS512"), 200),
                            (jwt(body, algorithm="none"), 401), (jwt(body, iss="Other"), 401), (jwt(b""), 401),
                            (jwt(body)[:-1], 401), ("x", 401)):
        assert receiver.post("/webhooks/vonage", body, {"Authorization": "Bearer " + token}).status == expected
    unsigned = receiver.post("/webhooks/vonage", body)
    assert (unsigned.status, unsigned.headers["retry-after"]) == (503, "5"), "Vonage then sends it again, signed"


def test_messagebird_by_get(receiver, database):
    message_id = new_id()
    target = f"/webhooks/messagebird?id={message_id}&status=delivered"

    def get(url, target=target, **claims):
        hashes = {"url_hash": hashlib.sha256(url.encode()).hexdigest()} if url else {}
        token = jwt(b"", iss="MessageBird", **hashes, **claims)
        return receiver.request("GET", target, b"", {"MessageBird-Signature-JWT": token}).status
    assert get(URL + target + "0") == 401
    assert get(URL + target, target + "&x=1") == 401
    assert get("") == 401
    assert get(URL + target, exp=int(time.time()) - 1) == 401
    assert receiver.request("GET", target).status == 401
    assert database.states(message_id) == {}
    assert get(URL + target, exp=int(time.time()) + 60) == 204
    assert database.states(message_id) == {message_id: "delivered"}


def plivo(url, fields, secret=SECRET, nonce="n-1"):
    text = url + ("?" if fields else "") + "".join(name + value for name, value in sorted(fields)) + "." + nonce
    return {"X-Plivo-Signature-V3": "AAAA," + b64(mac(text.encode(), secret).digest()), "X-Plivo-Signature-V3-Nonce": nonce}


def test_plivo(receiver):
    fields = [("To", "14155550100"), ("Status", "sent"), ("MessageUUID", new_id("plivo"))]
    url = URL + "/webhooks/plivo"

    def post(headers, fields=fields):
        return receiver.request("POST", "/webhooks/plivo", form(fields), {**FORM, **headers}).status
    assert post(plivo(url, fields)) == 204
    assert post(plivo(url, fields, OLD)) == 204
    assert post(plivo(url, fields, "another")) == 401
    assert post(plivo(url, fields), [*fields, ("x", "1")]) == 401
    assert post({**plivo(url, fields), "X-Plivo-Signature-V3-Nonce": "n-2"}) == 401
    assert post({}) == 401
    assert receiver.post("/webhooks/plivo", status(), plivo(url, [])).status == 401, "nothing signs JSON"
    query = "&".join(f"{name}={value}" for name, value in sorted(fields))
    signed = plivo(url + "?" + query, [])
    assert receiver.request("GET", "/webhooks/plivo?" + form(fields).decode(), b"", signed).status == 204
    assert receiver.request("GET", "/webhooks/plivo?" + form(fields).decode() + "&x=1", b"", signed).status == 401


def test_vonage_sms(receiver):
    message_id = new_id("vonage")

    def fields(secret=SECRET, at=None, **more):
        fields = {"id": message_id, "status": "delivered", "to": "14155550100", "timestamp": str(int(at or time.time()))}
        text = "".join(f"&{name}={value}" for name, value in sorted(fields.items())) + secret
        return form(list({**fields, "sig": hashlib.md5(text.encode()).hexdigest(), **more}.items()))

    def get(query):
        return receiver.request("GET", "/webhooks/vonage-sms?" + query.decode()).status
    assert get(fields("another")) == 401
    assert get(fields(status="failed")) == 401
    assert get(fields(at=time.time() - 3600)) == 401
    assert get(fields().partition(b"&sig")[0]) == 401
    assert receiver.metric("msgstatus_bodies_committed_total") == 0
    assert get(fields()) == 204
    assert receiver.request("POST", "/webhooks/vonage-sms", fields(OLD), FORM).status == 204
    assert receiver.metric("msgstatus_bodies_committed_total") == 2


def test_vonage_sms_hides_nothing_in_names(receiver, database):
    """The text that is signed has `&` and `=` between fields: in names, they would make one field of two."""
    def signed(fields):
        text = "".join(f"&{name}={value}" for name, value in sorted(fields.items())) + SECRET
        return hashlib.md5(text.encode()).hexdigest()

    def post(fields, signature):
        return receiver.request("POST", "/webhooks/vonage-sms", form([*fields.items(), ("sig", signature)]), FORM).status
    genuine = {"messageId": new_id("vonage"), "msisdn": "14155550100", "status": "failed", "err-code": "9", "to": "SHOP",
               "timestamp": str(int(time.time()))}
    merged = {"err-code=9&messageId": genuine["messageId"],
              **{name: genuine[name] for name in ("msisdn", "status", "to", "timestamp")}}
    assert post(merged, signed(genuine)) == 401
    assert receiver.post("/webhooks/vonage-sms", json.dumps({**merged, "sig": signed(genuine)}).encode()).status == 401
    assert receiver.metric("msgstatus_bodies_committed_total") == 0
    assert post(genuine, signed(genuine)) == 204
    unknown = {"novel": new_id(), "timestamp": genuine["timestamp"]}
    assert post(unknown, signed(unknown)) == 204
    assert receiver.post("/webhooks/vonage-sms", json.dumps({**unknown, "sig": signed(unknown)}).encode()).status == 200
    kept = database.query(f"SELECT r::text FROM msgstatus.rejected_status r WHERE r::text LIKE '%{unknown['novel']}%'")
    assert kept != []
    assert signed(unknown) not in str(kept), "from which a short secret could be guessed"


def test_telnyx(receiver, keys, tmp_path):
    def sign(body, at=None):
        at = str(int(at or time.time()))
        (tmp_path / "text").write_bytes(at.encode() + b"|" + body)
        signature = openssl("pkeyutl", "-sign", "-inkey", keys / "ed.key", "-rawin", "-in", tmp_path / "text")
        return {"telnyx-signature-ed25519": b64(signature), "telnyx-timestamp": at}

    def post(headers, body):
        return receiver.post("/webhooks/telnyx", body, headers).status
    body = status()
    right = sign(body)
    assert post(right, body) == 200
    assert post(right, body.replace(b"sent", b"read")) == 401
    assert post({**right, "telnyx-timestamp": str(int(right["telnyx-timestamp"]) + 1)}, body) == 401
    assert post(sign(body, time.time() - 3600), body) == 401
    assert post({**right, "telnyx-signature-ed25519": b64(bytes(64))}, body) == 401
    assert post({}, body) == 401
    body = json.dumps({"text": hidden_callback(new_id("SM"))}).encode()
    assert receiver.request("POST", "/webhooks/telnyx", body, {**sign(body), **FORM}).status == 415


def sns(keys, version="2", **more):
    message = {"Type": "Notification", "MessageId": "i", "TopicArn": TOPIC, "Message": "{}",
               "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()), **more}
    names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    signature = openssl("dgst", "-sha1" if version == "1" else "-sha256", "-sign", keys / "sns.key", text=text.encode())
    return {**message, "SignatureVersion": version, "Signature": b64(signature),
            "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem"}


def test_aws(receiver, keys):
    def post(message):
        return receiver.request("POST", "/webhooks/aws", json.dumps(message).encode(),
                                {"Content-Type": "text/plain; charset=UTF-8"})
    entry = {"id": "1", "changes": []}
    text = json.dumps({"whatsAppWebhookEntry": json.dumps(entry)})
    assert post(sns(keys, Message=text)).status == 200
    assert post(sns(keys, "1", Message=text)).status == 200
    unknown = post({**sns(keys, Message=text), "Message": "{}"})
    assert (unknown.status, unknown.headers["retry-after"]) == (503, "5"), "Amazon may have changed its certificate"
    assert post(sns(keys, TopicArn=TOPIC + "x")).status == 401
    assert post(sns(keys, Timestamp="2026-01-01T00:00:00.000Z")).status == 401
    assert post({**sns(keys), "SigningCertURL": "https://sns.example.org/x.pem"}).status == 401
    assert post({"whatsAppWebhookEntry": "{}"}).status == 401, "raw delivery"
    assert receiver.request("POST", "/webhooks/interakt", b"{}", {"Content-Type": "text/plain"}).status == 415
    bodies = receiver.metric("msgstatus_bodies_committed_total")
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    assert post(sns(keys, Type="SubscriptionConfirmation", Token="t", SubscribeURL=url)).status == 200
    assert receiver.wait_for_log("notice of a provider", reason="a subscription waits for confirmation")["url"] == url
    assert post(sns(keys, Type="SubscriptionConfirmation", Token="t", SubscribeURL="https://example.org/?t")).status == 401
    assert post(sns(keys, Type="UnsubscribeConfirmation", Token="t", SubscribeURL=url)).status == 200
    assert receiver.metric("msgstatus_bodies_committed_total") == bodies, "none of them is a webhook"


def test_aws_takes_nothing_but_what_is_signed(receiver, keys, database):
    def post(message, media_type="text/plain"):
        return receiver.request("POST", "/webhooks/aws", json.dumps(message).encode(), {"Content-Type": media_type}).status
    genuine, forged = sns(keys), new_id("SM")
    bodies = receiver.metric("msgstatus_bodies_committed_total")
    assert post({**genuine, "z": hidden_callback(forged)}, FORM["Content-Type"]) == 415
    moved = {name: value for name, value in genuine.items() if name != "MessageId"}
    moved["Message"] += "\nMessageId\ni"
    assert post(moved) == 401, "the text that is signed is the same"
    assert receiver.metric("msgstatus_bodies_committed_total") == bodies
    assert post({**genuine, "z": hidden_callback(forged)}) == 200, "what is not signed is left out"
    assert post(sns(keys, Subject="s", Message="two\nlines")) == 200
    assert database.states(forged) == {}


def test_secrets_of_each_request(receiver, database):
    def post(route, headers=None):
        return receiver.post(route, status(), headers or {}).status
    assert post("/webhooks/gupshup", {"Authorisation": f"Bearer {SECRET}"}) == 204
    assert post("/webhooks/gupshup", {"Authorization": SECRET}) == 204
    assert post("/webhooks/gupshup", {"Authorization": SECRET, "Authorisation": SECRET}) == 401, "which counts?"
    assert post("/webhooks/360dialog", {"Authorization": f"Bearer {OLD}"}) == 200
    assert post("/webhooks/360dialog", {"Authorization": f"Bearer {OLD}x"}) == 401
    assert post("/webhooks/360dialog") == 401
    assert post("/webhooks/infobip", {"Authorization": "Basic " + b64(USER.encode())}) == 200
    assert post("/webhooks/infobip", {"Authorization": "Basic " + b64(b"ann:")}) == 401
    assert post("/webhooks/infobip") == 401
    assert post(f"/webhooks/wati?token={SECRET}") == 200
    assert post("/webhooks/wati?token=wrong") == 401
    assert post("/webhooks/wati") == 401
    assert post(f"/webhooks/wati?token={SECRET}&token={SECRET}") == 401
    message_id = new_id("kaleyra")
    assert receiver.request("GET", f"/webhooks/kaleyra?id={message_id}&status=delivered&token={SECRET}").status == 204
    assert database.states(message_id) == {message_id: "delivered"}
    for table in ("message", "status_event", "rejected_status"):
        assert database.query(f"SELECT 1 FROM msgstatus.{table} t WHERE t::text LIKE '%{SECRET}%'") == []


def test_secrets_as_they_were_given_to_the_provider(start, tmp_path):
    config = tmp_path / "receiver.conf"
    config.write_text("[webhook 360dialog]\n[webhook gupshup]\n")
    receiver = start("--config", str(config), MSGSTATUS_WEBHOOK_360DIALOG_SECRET=f"Bearer {SECRET}",
                     MSGSTATUS_WEBHOOK_GUPSHUP_SECRET="bearerTok123")

    def post(name, value):
        return receiver.post(f"/webhooks/{name}", status(), {"Authorization": value}).status
    assert post("360dialog", f"Bearer {SECRET}") == 200
    assert post("360dialog", SECRET) == 200
    assert post("360dialog", f"Bearer{SECRET}") == 401
    assert post("360dialog", "Bearer") == 401
    assert post("gupshup", "bearerTok123") == 204, "no blank after it: the secret itself begins so"
    assert post("gupshup", "Bearer bearerTok123") == 204
    assert post("gupshup", "Tok123") == 401


def test_who_may_come_in(receiver):
    body = status()
    assert receiver.post("/webhooks/vonage-eu", body, vonage(body)).status == 403
    assert receiver.post("/webhooks/bandwidth", body, {"Authorization": "Basic Og=="}).status == 401, "no secret is set"
    assert receiver.post("/webhooks/bandwidth/x", body).status == 404
    wait_until(lambda: receiver.post("/webhooks/bandwidth", body).status == 401 and receiver.events(
        "signature refused", provider="bandwidth", reason="no secret is set for this provider"), "the reason in the log")


def test_secrets_are_read_again(start, tmp_path):
    secret, config = tmp_path / "secret", tmp_path / "receiver.conf"
    secret.write_text(OLD + "\n")
    config.write_text(f"[webhook interakt]\nsecret-file = {secret}\n")
    receiver = start("--config", str(config))
    body = status()

    def answers():
        return [receiver.post("/webhooks/interakt", body, interakt(body, which)).status for which in (OLD, SECRET)]
    assert answers() == [200, 401]
    secret.write_text(f"{OLD}\n{SECRET}\n")
    receiver.hang_up()
    receiver.wait_for_log("reloaded")
    assert answers() == [200, 200]
    secret.write_text("\n")
    receiver.hang_up()
    assert "webhook interakt: secret-file" in receiver.wait_for_log("reload failed")["reason"]
    assert answers() == [200, 200]


def test_unsigned_where_that_is_allowed(start, database, tmp_path):
    config = tmp_path / "receiver.conf"
    config.write_text("[webhook interakt]\n")
    receiver = start("--config", str(config), "--allow-unsigned")
    message_id = new_id()
    assert receiver.post("/webhooks/interakt", status(message_id)).status == 200
    assert database.states(message_id) == {message_id: "sent"}


@pytest.mark.parametrize("name, secret", [("interakt", SECRET), ("sinch", SECRET), ("ycloud", SECRET), ("bird", STANDARD),
                                          ("vonage", SECRET), ("gupshup", SECRET), ("infobip", USER), ("own", SECRET)])
def test_sign(receiver, tmp_path, name, secret):
    config = tmp_path / "receiver.conf"
    variables = {f"MSGSTATUS_WEBHOOK_{name.upper()}_SECRET": secret}
    body = status()
    signed = subprocess.run([PROGRAM, "sign", name, "--config", str(config)], env=clean_environment(**variables), input=body,
                            capture_output=True, check=True).stdout.decode()
    headers = dict(line.split(": ", 1) for line in signed.splitlines())
    assert receiver.post(f"/webhooks/{name}", body, headers).status in (200, 204)
    assert "must be" in run("sign", "nobody").stderr
