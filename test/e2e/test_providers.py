"""Each provider's genuine webhooks, signed as the provider signs, end up as the right states."""

import hashlib
import json

from client import FORM, aisensy_signature, form, meta_signature, request, twilio_signature
from secrecy import SECRETS
from webhooks import aisensy_flat, aisensy_project, meta, meta_status, new_id, twilio_fields

META = SECRETS["MSGSTATUS_META_APP_SECRET"]
TWILIO = SECRETS["MSGSTATUS_TWILIO_AUTH_TOKEN"]
AISENSY = SECRETS["MSGSTATUS_AISENSY_SECRET"]
STATUS_URL = "https://hooks.example.org/webhooks/twilio/status"


def post_meta(receiver, payload, route="/webhooks/meta"):
    body = json.dumps(payload).encode()
    return receiver.post(route, body, meta_signature(META, body))


def test_meta_out_of_order(signed_receiver, database):
    message_id = new_id()
    for status, timestamp in [("read", 1733826610), ("sent", 1733826600), ("delivered", 1733826605), ("read", 1733826610)]:
        answer = post_meta(signed_receiver, meta(meta_status(message_id, status, timestamp)))
        assert (answer.status, answer.json) == (200, {"status": "success", "processed": 1})
        assert answer.headers["content-type"] == "application/json"
    rows = database.query(f"SELECT provider, recipient, status::text FROM msgstatus.message WHERE message_id = '{message_id}'")
    assert rows[0]["recipient"] == "+14155550100"
    assert json.loads(rows[0]["status"]) == {"sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05Z",
                                             "read": "2024-12-10T10:30:10Z"}
    sources = database.query(f"SELECT DISTINCT source FROM msgstatus.status_event WHERE message_id = '{message_id}'")
    assert sources == [{"source": "meta"}]


def test_meta_several_statuses(signed_receiver, database):
    ids = [new_id() for _ in range(10)]
    answer = post_meta(signed_receiver, meta(*(meta_status(message_id) for message_id in ids)), "/webhook")
    assert answer.json == {"status": "success", "processed": 10}
    assert set(database.states(*ids).values()) == {"sent"}


def test_meta_partial_success(signed_receiver, database):
    good = new_id()
    answer = post_meta(signed_receiver, meta(meta_status(good), meta_status(new_id(), "levitating"), {"status": "sent"}))
    assert (answer.status, answer.json) == (200, {"status": "partial_success", "processed": 1})
    assert database.states(good) == {good: "sent"}


def test_meta_vector(database, start):
    receiver = start(MSGSTATUS_META_APP_SECRET="test_app_secret")
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    signature = "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"
    answer = receiver.post("/webhooks/meta", body, {"X-Hub-Signature-256": signature})
    assert (answer.status, answer.json) == (200, {"status": "success", "processed": 0})


def test_meta_large_body(signed_receiver, database):
    ids = [new_id() for _ in range(1000)]
    payload = meta(*(meta_status(message_id, biz_opaque_callback_data="x" * 512, padding="y" * 2000) for message_id in ids))
    assert 2_700_000 < len(json.dumps(payload)) < 3_145_728
    answer = post_meta(signed_receiver, payload)
    assert answer.json == {"status": "success", "processed": 1000}
    assert len(database.states(*ids)) == 1000


def test_meta_handshake(signed_receiver):
    token = SECRETS["MSGSTATUS_META_VERIFY_TOKEN"]
    for route in ("/webhook", "/webhooks/meta"):
        target = f"{route}?hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1158201444%26%3C"
        answer = signed_receiver.request("GET", target)
        assert (answer.status, answer.text) == (200, "1158201444&<")
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["x-content-type-options"] == "nosniff"
        head = signed_receiver.request("HEAD", target)
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "12")


def test_meta_handshake_refused(signed_receiver, open_receiver, start):
    token = SECRETS["MSGSTATUS_META_VERIFY_TOKEN"]
    for query in ("", "?", "?hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1",
                  f"?hub.mode=unsubscribe&hub.verify_token={token}&hub.challenge=1",
                  f"?hub.verify_token={token}&hub.challenge=1", f"?hub.mode=subscribe&hub.verify_token={token}",
                  "?hub.mode=subscribe&hub.challenge=1", "?hub.mode=subscribe&hub.verify_token=&hub.challenge=1",
                  f"?hub.mode=subscribe&hub.verify_token={token}%&hub.challenge=1"):
        answer = signed_receiver.request("GET", "/webhooks/meta" + query)
        assert (answer.status, answer.json["status"]) == (403, "error"), query
    without_token = start("--allow-unsigned")
    assert without_token.request("GET", "/webhook?hub.mode=subscribe&hub.verify_token=&hub.challenge=1").status == 403


def test_twilio_status_callback(signed_receiver, database):
    message_id = new_id("SM")
    for status in ("delivered", "sent"):
        fields = twilio_fields(message_id, status)
        answer = signed_receiver.request("POST", "/webhooks/twilio/status", form(fields),
                                         {**FORM, **twilio_signature(TWILIO, STATUS_URL, fields)})
        assert (answer.status, answer.body) == (204, b"")
        assert "content-length" not in answer.headers and "content-type" not in answer.headers
    rows = database.query(f"SELECT provider, recipient, msgstatus.state(status)::text AS state FROM msgstatus.message "
                          f"WHERE message_id = '{message_id}'")
    assert rows == [{"provider": "twilio", "recipient": "+14155550100", "state": "delivered"}]


def test_twilio_on_the_common_route(signed_receiver, database):
    message_id = new_id("SM")
    fields = twilio_fields(message_id, "undelivered", ErrorCode="63024", ErrorMessage="Invalid recipient + more & more")
    url = "https://hooks.example.org/webhook?tenant=1&x=%41"
    answer = signed_receiver.request("POST", "/webhook?tenant=1&x=%41", form(fields),
                                     {**FORM, **twilio_signature(TWILIO, url, fields)})
    assert (answer.status, answer.body) == (204, b"")
    assert database.states(message_id) == {message_id: "undelivered"}


def test_twilio_event_streams(signed_receiver, database):
    message_id = new_id("SM")
    body = json.dumps([{"specversion": "1.0", "type": "com.twilio.messaging.message.delivered", "source": "/x", "id": "EZ1",
                        "time": "2024-12-10T10:30:05.250Z", "datacontenttype": "application/json",
                        "data": {"messageSid": message_id, "messageStatus": "DELIVERED",
                                 "timestamp": "2024-12-10T10:30:05.250Z"}}]).encode()
    target = "/webhooks/twilio/status?bodySHA256=" + hashlib.sha256(body).hexdigest()
    headers = {"Content-Type": "application/cloudevents+json",
               **twilio_signature(TWILIO, "https://hooks.example.org" + target)}
    answer = signed_receiver.request("POST", target, body, headers)
    assert (answer.status, answer.body) == (204, b"")
    assert database.states(message_id) == {message_id: "delivered"}
    changed = signed_receiver.request("POST", target, body.replace(b"EZ1", b"EZ2"), headers)
    assert changed.status == 401


def test_aisensy(signed_receiver, database):
    flat, project = new_id(), new_id()
    for route, payload, prefix in [("/webhooks/aisensy", aisensy_flat(flat), ""), ("/webhook", aisensy_project(project), "sha256=")]:
        body = json.dumps(payload, indent=1).encode()
        answer = signed_receiver.post(route, body, aisensy_signature(AISENSY, body, prefix))
        assert answer.status == 200 and answer.json["status"] == "success"
    assert database.states(flat, project) == {flat: "delivered", project: "read"}


def test_aisensy_signature_of_the_compact_body(signed_receiver, database):
    message_id = new_id()
    payload = {**aisensy_flat(message_id), "note": "caf\u00e9 / 1"}
    compact = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    answer = signed_receiver.post("/webhooks/aisensy", json.dumps(payload).encode(), aisensy_signature(AISENSY, compact))
    assert answer.status == 200
    assert database.states(message_id) == {message_id: "delivered"}


def test_unsigned_where_allowed(open_receiver, database):
    ids = [new_id() for _ in range(3)] + [new_id("SM")]
    assert open_receiver.post("/webhook", meta(meta_status(ids[0]))).json == {"status": "success", "processed": 1}
    assert open_receiver.post("/webhooks/meta", meta(meta_status(ids[1]))).status == 200
    assert open_receiver.post("/webhooks/aisensy", aisensy_flat(ids[2])).status == 200
    assert open_receiver.request("POST", "/webhooks/twilio/status", form(twilio_fields(ids[3])), FORM).status == 204
    assert len(database.states(*ids)) == 4
    sources = database.query("SELECT message_id, source FROM msgstatus.status_event")
    found = {row["message_id"]: row["source"] for row in sources}
    assert [found[message_id] for message_id in ids] == ["webhook", "meta", "aisensy", "twilio"]


def test_receipt_time_stands_in_for_twilios_missing_one(open_receiver, database):
    message_id = new_id("SM")
    open_receiver.request("POST", "/webhook", form(twilio_fields(message_id, "sent")), FORM)
    rows = database.query(f"SELECT event_time = received_at AS same, received_at > now() - interval '1 minute' "
                          f"AND received_at <= now() AS recent FROM msgstatus.status_event WHERE message_id = '{message_id}'")
    assert rows == [{"same": True, "recent": True}]


def test_repeated_form_fields_become_an_array(open_receiver, database):
    message_id = new_id("SM")
    fields = [*twilio_fields(message_id), ("MediaUrl", "a"), ("MediaUrl", "b"), ("MessageSid", message_id)]
    assert open_receiver.request("POST", "/webhook", form(fields), FORM).status == 204
    assert database.states(message_id) == {message_id: "delivered"}


def test_incoming_messages_count_as_received(open_receiver):
    payload = meta()
    payload["entry"][0]["changes"][0]["value"]["messages"] = [
        {"from": "14155550100", "id": new_id(), "timestamp": "1733826600", "type": "text", "text": {"body": "hello"}}]
    del payload["entry"][0]["changes"][0]["value"]["statuses"]
    assert open_receiver.post("/webhooks/meta", payload).json == {"status": "success", "processed": 1}
    assert request(open_receiver.admin_port, "GET", "/healthz").status == 200
