-- Meta's envelope, and the exact rows it makes.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

SELECT is(counts($${
    "object": "whatsapp_business_account",
    "entry": [{
        "id": "102290129340398", "time": 1733832001,
        "changes": [{
            "field": "messages",
            "value": {
                "messaging_product": "whatsapp",
                "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
                "contacts": [{"profile": {"name": "A"}, "wa_id": "16505551234"}],
                "statuses": [{
                    "id": "wamid.1", "status": "sent", "timestamp": "1733831990", "recipient_id": "16505551234",
                    "biz_opaque_callback_data": "campaign 7",
                    "conversation": {"id": "c1", "expiration_timestamp": "1733918400", "origin": {"type": "utility"}},
                    "pricing": {"billable": true, "pricing_model": "CBP", "category": "utility", "type": "regular"}
                }]
            }
        }]
    }]
}$$, source => 'receiver'), '1 1 0 0 0', 'an envelope with one status');
SELECT is(message('wamid.1'), '{"provider": "meta", "direction": "outbound", "sender": "+15550783881",
    "recipient": "+16505551234", "status": "{\"sent\": \"2024-12-10T11:59:50Z\"}", "pricing_category": "utility",
    "billable": true}', 'its message');
SELECT is(events('wamid.1'), '[{"state": "sent", "at": "2024-12-10T11:59:50", "source": "receiver", "detail": {
    "biz_opaque_callback_data": "campaign 7",
    "conversation": {"id": "c1", "expiration_timestamp": "1733918400", "origin": {"type": "utility"}},
    "pricing": {"billable": true, "pricing_model": "CBP", "category": "utility", "type": "regular"}}}]',
    'its event, with all that no column takes in the detail');

SELECT is(counts($${
    "entry": [
        {"id": "1", "changes": [
            {"field": "message_template_status_update", "value": {"event": "APPROVED", "message_template_id": 1}},
            {"value": {"statuses": [{"id": "wamid.2", "status": "delivered", "timestamp": "1733832000"},
                                    {"id": "wamid.2", "status": "read", "timestamp": "1733832010"}],
                       "messaging_product": "whatsapp"}, "field": "messages"},
            {"field": "account_update", "value": {}},
            {"field": "phone_number_quality_update", "value": {"statuses": [{"id": "wamid.no", "status": "sent"}]}},
            {"field": "calls", "value": {"calls": []}},
            {"field": "history", "value": {}},
            {"field": "group_lifecycle_update", "value": {}}
        ]},
        {"id": "2", "changes": []},
        {"id": "3", "changes": [{"field": "messages", "value": {"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "+49 30 1234567"},
            "statuses": [{"id": "wamid.3", "status": "failed", "timestamp": "1733832000", "recipient_id": "4917012345678",
                "errors": [{"code": 131047, "title": "Re-engagement message", "message": "Re-engagement message",
                            "error_data": {"details": "More than 24 hours have passed"}, "href": "https://example.org"},
                           {"code": 1, "title": "second"}]}]}}]}
    ],
    "object": "whatsapp_business_account"
}$$), '3 3 0 0 6', 'several entries, changes and fields; only messages carries statuses');
SELECT is(status('wamid.2'), '{"delivered": "2024-12-10T12:00:00Z", "read": "2024-12-10T12:00:10Z"}');
SELECT is(status('wamid.no'), NULL, 'statuses under another field are none');
SELECT is(message('wamid.3'), '{"provider": "meta", "direction": "outbound", "sender": "+49301234567",
    "recipient": "+4917012345678", "status": "{\"failed\": \"2024-12-10T12:00:00Z\"}", "error_code": 131047,
    "error_title": "Re-engagement message", "error_details": "More than 24 hours have passed",
    "error_at": "2024-12-10T12:00:00+00:00"}', 'a failure');
SELECT is(events('wamid.3') -> 0 #> '{detail,errors,1}', '{"code": 1, "title": "second"}', 'all errors are in the detail');
SELECT is(events('wamid.3') -> 0 -> 'code', '131047', 'the first is in the columns');

-- Errors as they come.
SELECT is(counts('[{"id": "wamid.e1", "status": "failed", "timestamp": 1733832000, "errors": [{"code": 1, "message": "only a message"}]},
    {"id": "wamid.e2", "status": "failed", "timestamp": 1733832000, "errors": [{"code": "2", "title": "t", "message": "m"}]},
    {"id": "wamid.e3", "status": "failed", "timestamp": 1733832000, "errors": {"code": 3, "title": "no array"}},
    {"id": "wamid.e4", "status": "failed", "timestamp": 1733832000, "errors": []},
    {"id": "wamid.e5", "status": "sent", "timestamp": 1733832000, "errors": [{"code": 5, "title": "beside a success"}]}]'),
    '5 5 0 0 0', 'errors in other forms');
SELECT is(events('wamid.e1') -> 0 ->> 'title', 'only a message', 'where there is no title, the message is it');
SELECT is((events('wamid.e2') -> 0) - 'detail', '{"state": "failed", "at": "2024-12-10T12:00:00", "code": 2, "title": "t",
    "details": "m"}', 'where there are no details, the message is them; a code may be a string');
SELECT is(message('wamid.e3') -> 'error_code', '3', 'an object in place of the array');
SELECT is(message('wamid.e4') ? 'error_at', false, 'a failure without a reason');
SELECT is(message('wamid.e5') ? 'error_code', false, 'an error beside a success is not the message''s');
SELECT is(events('wamid.e5') -> 0 -> 'code', '5', 'it is on record all the same');

-- In a group each participant reports for himself.
SELECT is(counts($${"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp", "statuses": [
    {"id": "wamid.g", "status": "sent", "timestamp": "1733832000", "recipient_id": "group-1", "recipient_type": "group"},
    {"id": "wamid.g", "status": "read", "timestamp": "1733832005", "recipient_id": "group-1", "recipient_type": "group",
        "recipient_participant_id": "4915112345678"},
    {"id": "wamid.g", "status": "read", "timestamp": "1733832005", "recipient_id": "group-1", "recipient_type": "group",
        "recipient_participant_id": "4915187654321"},
    {"id": "wamid.g", "status": "read", "timestamp": "1733832004", "recipient_id": "group-1", "recipient_type": "group",
        "recipient_participant_user_id": "US.1"}]}}]}]}$$), '4 4 0 0 0', 'a group');
SELECT is(message('wamid.g') ->> 'recipient', 'group-1');
SELECT is(status('wamid.g'), '{"sent": "2024-12-10T12:00:00Z", "read": "2024-12-10T12:00:04Z"}', 'the earliest reader counts');
SELECT is((SELECT array_agg(participant ORDER BY participant) FROM msgstatus.status_event WHERE message_id = 'wamid.g'),
    '{+4915112345678,+4915187654321,US.1,NULL}', 'an event for each participant');

-- Neither payments nor calls are messages.
SELECT is(counts('[{"id": "wamid.p", "type": "payment", "status": "captured", "timestamp": "1733832000"},
    {"id": "wamid.p", "type": "payment", "status": "failed", "timestamp": "1733832000"},
    {"id": "wamid.p", "type": "call", "status": "RINGING"}, {"id": "wamid.p", "type": "call", "status": "ACCEPTED"}]'),
    '0 0 0 0 4', 'payments and calls are ignored');
SELECT is(status('wamid.p'), NULL);
SELECT is(counts('{"id": "wamid.p", "type": "message", "status": "played", "timestamp": "1733832000"}'), '1 1 0 0 0',
    'a type of "message" is one');
SELECT is(counts('{"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp",
    "errors": [{"code": 131000}]}}]}]}'), '0 0 0 0 1', 'errors of the account are ignored');
SELECT is(counts('{"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp",
    "statuses": [], "messages": []}}]}]}'), '0 0 0 0 0', 'empty lists');
SELECT is(counts('{"object": "whatsapp_business_account", "entry": []}'), '0 0 0 0 0', 'no entry at all');
SELECT is(counts('{"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp",
    "statuses": [{"id": "wamid.w", "status": "warning"}, {"id": "wamid.w", "status": "deleted"}]}}]}]}'),
    '2 0 0 2 0', 'the legacy values that are no delivery state are kept among the rejected');

-- Incoming messages.
SELECT is(counts($${"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp",
    "metadata": {"display_phone_number": "15550783881"},
    "contacts": [{"wa_id": "16505551234"}],
    "messages": [
        {"id": "wamid.i1", "from": "16505551234", "timestamp": "1733831995", "type": "text", "text": {"body": "Hi \u00fc"}},
        {"id": "wamid.i2", "from_user_id": "US.9", "timestamp": "1733831996", "type": "image",
            "image": {"id": "1", "caption": "look"}, "context": {"id": "wamid.1"}},
        {"id": "wamid.i3", "from": "16505551234", "timestamp": "1733831997", "type": "unsupported", "group_id": "g",
            "errors": [{"code": 131051, "title": "Unsupported message type"}]},
        {"id": "wamid.i4", "from": "16505551234", "timestamp": "1733831998", "type": "button", "button": {"text": "Yes"}}
    ]}}]}]}$$), '4 4 0 0 0', 'incoming messages count as statuses received');
SELECT is(message('wamid.i1'), '{"provider": "meta", "direction": "inbound", "sender": "+16505551234",
    "recipient": "+15550783881", "message_type": "text", "content": "Hi ü",
    "status": "{\"received\": \"2024-12-10T11:59:55Z\"}"}');
SELECT is(message('wamid.i2'), '{"provider": "meta", "direction": "inbound", "sender": "US.9",
    "recipient": "+15550783881", "message_type": "image", "content": "look",
    "status": "{\"received\": \"2024-12-10T11:59:56Z\"}"}');
SELECT is(events('wamid.i2') -> 0 -> 'detail' -> 'context', '{"id": "wamid.1"}');
SELECT is((events('wamid.i3') -> 0) - 'detail', '{"state": "received", "at": "2024-12-10T11:59:57", "code": 131051,
    "title": "Unsupported message type"}');
SELECT is(message('wamid.i4') ->> 'content', 'Yes');

-- Parts of an envelope alone.
SELECT is(counts('{"id": "1", "changes": [{"field": "messages", "value": {"messaging_product": "whatsapp",
    "statuses": [{"id": "wamid.x1", "status": "sent", "timestamp": "1733832000"}]}}]}'), '1 1 0 0 0', 'an entry');
SELECT is(counts('{"field": "messages", "value": {"messaging_product": "whatsapp",
    "statuses": [{"id": "wamid.x2", "status": "sent", "timestamp": "1733832000"}]}}'), '1 1 0 0 0', 'a change');
SELECT is(counts('{"messaging_product": "whatsapp", "statuses": [{"id": "wamid.x3", "status": "sent"}]}'), '1 1 0 0 0', 'a value');
SELECT is((SELECT array_agg(provider) FROM msgstatus.message WHERE message_id LIKE 'wamid.x_'), '{meta,meta,meta}');

SELECT is((SELECT count(*) FROM msgstatus.rejected_status), 2::bigint, 'nothing else was rejected');
SELECT finish();
ROLLBACK;
