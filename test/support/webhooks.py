"""Webhook bodies as the providers send them."""

import itertools
import json

_numbers = itertools.count(1)


def new_id(prefix="wamid.HBgLMTQxNTU1NTAxMDAVAgARGBI"):
    """Returns a message id that no other test has."""
    return f"{prefix}{next(_numbers):08d}"


def meta_status(message_id, status="sent", timestamp=1733826600, **more):
    return {"id": message_id, "status": status, "timestamp": str(timestamp), "recipient_id": "14155550100",
            "conversation": {"id": "CONVERSATION", "origin": {"type": "utility"}},
            "pricing": {"billable": True, "pricing_model": "CBP", "category": "utility"}, **more}


def meta(*statuses):
    """Returns Meta's envelope around status objects."""
    return {"object": "whatsapp_business_account",
            "entry": [{"id": "8856996819413533",
                       "changes": [{"value": {"messaging_product": "whatsapp",
                                              "metadata": {"display_phone_number": "16505553333",
                                                           "phone_number_id": "27681414235104944"},
                                              "statuses": list(statuses)},
                                    "field": "messages"}]}]}


def one(message_id=None, status="sent"):
    """Returns the bytes of a webhook with one status."""
    return json.dumps(meta(meta_status(message_id or new_id(), status))).encode()


def twilio_fields(message_id, status="delivered", **more):
    return [("ApiVersion", "2010-04-01"), ("AccountSid", "AC00000000000000000000000000000001"),
            ("SmsSid", message_id), ("SmsStatus", status), ("MessageSid", message_id), ("MessageStatus", status),
            ("ChannelPrefix", "whatsapp"), ("From", "whatsapp:+14155550199"), ("To", "whatsapp:+14155550100"),
            *more.items()]


def aisensy_flat(message_id, status="delivered", timestamp=1733826605):
    return {"statuses": [{"id": message_id, "status": status, "timestamp": str(timestamp),
                          "recipient_id": "14155550100"}]}


def aisensy_project(message_id):
    return {"id": "notification-1", "created_at": "2024-12-10T10:30:10Z", "topic": "message.status.updated",
            "delivery_attempt": "1", "app_id": "app", "webhook_id": "webhook", "project_id": "project",
            "data": {"message": {"id": f"internal-{message_id}", "messageId": message_id, "phone_number": "14155550100",
                                 "status": "READ", "sent_at": 1733826600000, "delivered_at": 1733826605250,
                                 "read_at": 1733826610500, "failed_at": None, "failureResponse": {},
                                 "message_type": "TEMPLATE", "campaign": {"name": "spring"}}}}
