"""The secrets of the receivers under test, and a check that no log shows them."""

SECRETS = {"MSGSTATUS_META_APP_SECRET": "meta-app-secret-0123", "MSGSTATUS_META_VERIFY_TOKEN": "verify-token-0123",
           "MSGSTATUS_TWILIO_AUTH_TOKEN": "twilio-auth-token-0123", "MSGSTATUS_AISENSY_SECRET": "aisensy-secret-0123"}
NEVER_LOGGED = [*SECRETS.values(), "14155550100", "MTQxNTU1NTAxMDA", "whatsapp_business_account", "recipient_id"]


def check_log(receiver):
    """Fails if the log holds a secret, a recipient or a body."""
    for text in NEVER_LOGGED:
        assert text not in receiver.log, f"{text} in the log:\n{receiver.log}"
    assert "runtime error" not in receiver.log and "AddressSanitizer" not in receiver.log, receiver.log
