"""Steps of the spool's tests: stop the server, post webhooks that go to the disk, wait until they are drained."""

from client import Connection
from receiver import wait_until
from webhooks import meta, meta_status, new_id, one


def stop_server(database, *receivers):
    """Stops the server and returns when the receivers know it."""
    database.server.stop("immediate")
    for receiver in receivers:
        wait_until(lambda receiver=receiver: receiver.metric("msgstatus_lanes_connected") == 0, "the loss to be noticed")


def assert_kept(answer):
    """Fails unless the webhook went to the disk."""
    assert answer.status == 200 and answer.json == {"status": "success", "processed": 0, "spooled": True}


def post_kept(receiver, count=1):
    """Posts webhooks that have to go to the disk and returns the ids of their messages."""
    ids = [new_id() for _ in range(count)]
    with Connection(receiver.port) as connection:
        for message_id in ids:
            assert_kept(connection.post("/webhook", one(message_id)))
    return ids


def post_until_refused(receiver, size):
    """Posts webhooks of about so many bytes until there is no room, and returns the ids of those that were kept."""
    ids = []
    with Connection(receiver.port) as connection:
        while True:
            message_id = new_id()
            answer = connection.post("/webhook", meta(meta_status(message_id, padding="x" * size)))
            if answer.status == 503:
                assert int(answer.headers["retry-after"]) > 0
                return ids
            assert_kept(answer)
            ids.append(message_id)


def wait_drained(receiver):
    wait_until(lambda: receiver.metric("msgstatus_spool_bodies") == 0, "the spool to be empty")
