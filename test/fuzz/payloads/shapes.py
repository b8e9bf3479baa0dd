"""One webhook of every shape that providers send, with every field they are known to send: where mutation starts."""

WAMID = "wamid.HBgLMTQxNTU1NTAxMDAVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA"
SID = "SM0123456789abcdef0123456789abcdef"

META_STATUS = {
    "id": WAMID, "status": "delivered", "timestamp": "1733826605", "recipient_id": "14155550100",
    "conversation": {"id": "ce3b1f", "expiration_timestamp": "1733912940", "origin": {"type": "utility"}},
    "pricing": {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"},
    "biz_opaque_callback_data": "campaign=42",
}
META_FAILED = {
    "id": WAMID, "status": "failed", "timestamp": "1733826606", "recipient_id": "14155550100",
    "errors": [{"code": 131047, "title": "Re-engagement message", "message": "Re-engagement message",
                "error_data": {"details": "More than 24 hours have passed."}, "href": "https://example.org/errors"}],
}
META_IN_GROUP = {
    "id": WAMID, "status": "read", "timestamp": "1733826607", "recipient_id": "120363000000000001",
    "recipient_type": "group", "recipient_participant_id": "14155550101", "recipient_user_id": "US.1",
    "recipient_participant_user_id": "US.2", "parent_recipient_user_id": "US.3",
}
META_PAYMENT = {"id": WAMID, "type": "payment", "status": "captured", "timestamp": "1733826608"}
META_MESSAGE = {"id": "wamid.IN1", "from": "14155550100", "from_user_id": "US.1", "timestamp": "1733826600",
                "type": "text", "text": {"body": "Gr\u00fc\u00dfe \U0001f642"}, "context": {"id": WAMID}}
META_IMAGE = {"id": "wamid.IN2", "from": "14155550100", "timestamp": "1733826600", "type": "image",
              "image": {"caption": "look", "id": "1", "mime_type": "image/jpeg"}, "errors": [{"code": 131051}]}
META_REPLY = {"id": "wamid.IN3", "from": "", "from_user_id": "US.1", "timestamp": "1733826600", "type": "interactive",
              "interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": "Yes"}}}
META_ANSWER = {"messaging_product": "whatsapp", "contacts": [{"input": "+14155550100", "wa_id": "14155550100"}],
               "messages": [{"id": WAMID, "message_status": "accepted"}]}
ON_PREMISES = {"statuses": [{"id": "gBEGkYiEB1VX", "message": {"recipient_id": "14155550100"}, "status": "delivered",
                             "timestamp": "1733826605", "type": "message"}]}


def meta_value(*statuses, **members):
    return {"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550100000", "phone_number_id": "106540352242922"},
            "contacts": [{"profile": {"name": "A"}, "wa_id": "14155550100"}], "statuses": list(statuses), **members}


def meta_envelope(*changes):
    return {"object": "whatsapp_business_account",
            "entry": [{"id": "102290129340398", "time": 1733826609, "changes": list(changes)}]}


def meta_change(value, field="messages"):
    return {"field": field, "value": value}


TWILIO_CALLBACK = {
    "AccountSid": "AC0", "ApiVersion": "2010-04-01", "From": "whatsapp:+15550100000", "To": "whatsapp:+14155550100",
    "MessageSid": SID, "SmsSid": SID, "MessageStatus": "undelivered", "SmsStatus": "undelivered", "ErrorCode": "63016",
    "ErrorMessage": "outside the window", "MessagingServiceSid": "MG0", "RawDlrDoneDate": "2412101030",
    "ChannelPrefix": "whatsapp", "ChannelToAddress": "+14155550100", "ChannelInstallSid": "XE0",
    "StructureVersion": "1", "ChannelStatusMessage": "outside the 24 hours", "EventType": "DELIVERED",
}
TWILIO_INCOMING = {
    "SmsMessageSid": SID, "SmsStatus": "received", "Body": "hi", "NumSegments": "1", "NumMedia": "1",
    "MediaUrl0": "https://example.org/1.jpg", "MessageType": "image", "From": "+14155550100", "To": "+15550100000",
}
TWILIO_MESSAGE = {
    "sid": SID, "status": "sent", "direction": "outbound-api", "error_code": None, "error_message": None,
    "date_created": "Tue, 10 Dec 2024 10:30:00 +0000", "date_sent": "Tue, 10 Dec 2024 10:30:01 +0000",
    "date_updated": "Tue, 10 Dec 2024 10:30:02 +0000", "price": "-0.00750", "price_unit": "USD", "num_segments": "1",
    "from": "+15550100000", "to": "+14155550100", "body": "text", "uri": "/2010-04-01",
}
TWILIO_PAGE = {"messages": [TWILIO_MESSAGE, {**TWILIO_MESSAGE, "status": "delivered"}], "next_page_uri": None,
               "page": 0}
TWILIO_EVENT = {
    "specversion": "1.0", "id": "EV1", "type": "com.twilio.messaging.message.delivered", "source": "/x",
    "time": "2024-12-10T10:30:05.123Z",
    "data": {"messageSid": SID, "messageStatus": "DELIVERED", "timestamp": "2024-12-10T10:30:05.000Z",
             "errorCode": 30003, "from": "+15550100000", "to": "+14155550100", "numberOfSegments": 1, "accountSid": "AC0"},
}
TWILIO_INBOUND_EVENT = {**TWILIO_EVENT, "type": "com.twilio.messaging.inbound-message.received"}
AISENSY_PROJECT = {
    "id": "h1", "created_at": "2024-12-10T10:30:06Z", "topic": "message.status.updated", "delivery_attempt": "1",
    "app_id": "a", "webhook_id": "w", "project_id": "p",
    "data": {"message": {"id": "m1", "messageId": WAMID, "phone_number": "14155550100", "status": "READ",
                         "sent_at": 1733826600000, "delivered_at": 1733826605250, "read_at": 1733826609000,
                         "failed_at": None, "failureResponse": {}, "message_type": "TEMPLATE",
                         "campaign": {"name": "spring"}}},
}
AISENSY_FAILED = {**AISENSY_PROJECT, "data": {"message": {
    "messageId": WAMID, "status": "FAILED", "failed_at": 1733826609000,
    "failureResponse": {"code": "131026", "reason": "Message undeliverable"}}}}
AISENSY_FLAT = {"statuses": [{"id": WAMID, "status": "read", "timestamp": "1733826609", "recipient_id": "14155550100"}],
                "whatsapp_business_account": "1"}
GUPSHUP_STATUS = {"gs_id": "g", "id": WAMID, "status": "enqueued", "timestamp": 1733826600123}
AWS = {"Type": "Notification", "TopicArn": "arn:aws:sns:x", "MessageId": "1", "Message":
       '{"whatsAppWebhookEntry": "{\\"id\\":\\"1\\",\\"changes\\":[{\\"field\\":\\"messages\\",\\"value\\":'
       '{\\"statuses\\":[{\\"id\\":\\"wamid.A\\",\\"status\\":\\"sent\\",\\"timestamp\\":\\"1733826600\\"}]}}]}"}'}

# Providers that a description reads, a body for each way to walk one: a list, a list in a list, JSON in a text, an item within, the body itself.
DESCRIBED = {
    "infobip": {"results": [
        {"messageId": "i1", "to": "14155550100", "sentAt": "2024-12-10T10:30:00.000+0000", "doneAt": "2024-12-10T10:30:02.000+0000", "messageCount": 1,
         "status": {"groupName": "UNDELIVERABLE", "name": "X"}, "error": {"id": 27, "name": "EC_ABSENT_SUBSCRIBER", "description": "d"},
         "price": {"pricePerMessage": 0.01, "currency": "EUR"}},
        {"messageId": "i2", "status": {"groupName": "PENDING", "name": "PENDING_ENROUTE"}}]},
    "infobip seen": {"results": [{"messageId": "i1", "seenAt": "2024-12-10T10:30:05.000+0000", "to": "14155550100"}]},
    "telnyx": {"data": {"record_type": "event", "event_type": "message.finalized", "occurred_at": "2024-12-10T10:30:05Z", "payload": {
        "id": "t1", "from": {"phone_number": "+15550100000"}, "to": [{"phone_number": "+14155550100", "status": "delivered"},
        {"phone_number": "+14155550101", "status": "delivery_failed"}], "cc": [], "completed_at": "2024-12-10T10:30:04Z", "sent_at": "2024-12-10T10:30:01Z",
        "errors": [{"code": "40300", "title": "STOP"}], "cost": {"amount": "0.004", "currency": "USD"}, "parts": 1}}},
    "sinch batch": {"type": "delivery_report_sms", "batch_id": "b1", "statuses": [
        {"code": 0, "status": "Delivered", "recipients": ["14155550100", "14155550101"]}, {"code": 402, "status": "Failed", "recipients": ["14155550102"]}]},
    "gupshup enterprise": {"response": '[{"externalId":"e1","eventType":"DELIVERED","eventTs":"1733826600000","destAddr":"14155550100","errorCode":"000"}]'},
    "gupshup v2": {"app": "a", "timestamp": 1733826600123, "type": "message-event", "payload": {
        "id": "w", "gsId": "g", "type": "failed", "destination": "14155550100", "payload": {"ts": 1733826600, "code": 1002, "reason": "r"}}},
    "vonage": {"message_uuid": "v1", "status": "rejected", "to": "14155550100", "from": "15550100000", "timestamp": "2024-12-10T10:30:00.123Z",
               "error": {"type": "https://example.org#1000", "title": 1000, "detail": "d"}, "usage": {"price": "0.03", "currency": "EUR"}},
    "plivo": {"MessageUUID": "p1", "Status": "delivered", "To": "14155550100", "SentTime": "2024-12-10 10:30:00.5", "DeliveryReportTime": "2024-12-10 10:30:02", "ErrorCode": "000"},
    "interakt incoming": {"type": "message_received", "timestamp": "2024-12-10T10:30:00.837610", "data": {
        "customer": {"channel_phone_number": "14155550100"}, "message": {"id": "n1", "message": "hello"}}},
}

SHAPES = {
    **DESCRIBED,
    "meta": meta_envelope(meta_change(meta_value(META_STATUS)), meta_change({"event": "APPROVED"}, "account_update")),
    "meta failed": meta_envelope(meta_change(meta_value(META_FAILED, META_STATUS))),
    "meta group": meta_envelope(meta_change(meta_value(META_IN_GROUP, META_PAYMENT))),
    "meta incoming": meta_envelope(meta_change(meta_value(messages=[META_MESSAGE, META_IMAGE]))),
    "meta reply": meta_envelope(meta_change(meta_value(
        messages=[META_REPLY], contacts=[{"wa_id": "14155550100", "user_id": "US.1"}]))),
    "meta answer": META_ANSWER,
    "on-premises": ON_PREMISES,
    "meta status": META_STATUS,
    "meta failed status": META_FAILED,
    "meta message": META_MESSAGE,
    "gupshup": meta_envelope(meta_change(meta_value(GUPSHUP_STATUS))),
    "aws": AWS,
    "twilio callback": TWILIO_CALLBACK,
    "twilio channel": {**TWILIO_CALLBACK, "To": "messenger:1234567890", "From": "rcs:agent"},
    "twilio incoming": TWILIO_INCOMING,
    "twilio message": TWILIO_MESSAGE,
    "twilio page": TWILIO_PAGE,
    "twilio events": [TWILIO_EVENT, TWILIO_INBOUND_EVENT],
    "aisensy project": AISENSY_PROJECT,
    "aisensy failed": AISENSY_FAILED,
    "aisensy flat": AISENSY_FLAT,
    "array": [AISENSY_FLAT, [META_STATUS, [TWILIO_EVENT]]],
}
