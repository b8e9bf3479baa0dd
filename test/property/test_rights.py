"""Nobody's code runs with more rights than its owner has, and no plan shows what its reader may not read."""

import contextlib
import re

import pytest

ATTACKER = """
    CREATE ROLE attacker LOGIN;
    SELECT msgstatus.grant_access('attacker', 'operator');
    CREATE SCHEMA app AUTHORIZATION attacker;
    CREATE TABLE parent (id integer PRIMARY KEY);
    CREATE TABLE child (id integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO parent VALUES (1);
    ALTER TABLE msgstatus.message ADD FOREIGN KEY (campaign_id) REFERENCES msgstatus.campaign DEFERRABLE INITIALLY DEFERRED;
    SET ROLE attacker;
    CREATE FUNCTION app.rise() RETURNS integer LANGUAGE plpgsql AS $$
    BEGIN
        IF current_user <> 'attacker' THEN
            ALTER ROLE attacker SUPERUSER;
        END IF;
        RETURN 1;
    END
    $$;
    CREATE TABLE app.orders (wamid text PRIMARY KEY, status text, deed text);
    CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND NEW.deed <> '' THEN
            EXECUTE NEW.deed;
        END IF;
        RETURN NEW;
    END
    $$;
    CREATE TRIGGER touch BEFORE UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch();
    SELECT msgstatus.attach_table('app.orders', 'wamid');
"""
DEEDS = {
    "a cursor that is held over the commit": "DECLARE risen CURSOR WITH HOLD FOR SELECT app.rise()",
    "the caller's statements": "DEALLOCATE ALL",
    "listening": "LISTEN anything",
    "a temporary table": "CREATE TEMP TABLE t ()",
    "the caller's cursors": "CLOSE ALL",
}
APPLY = """SELECT msgstatus.apply_message_status(jsonb_build_object('id', %s, 'status', %s, 'timestamp', '1767225600'))"""


@pytest.fixture(scope="module")
def attacked(server):
    database = server.create_database()
    database.query(ATTACKER)
    return database


@pytest.mark.parametrize("pending", ["nothing but what the call itself defers", "a foreign key of the caller's"])
@pytest.mark.parametrize("deed", DEEDS)
def test_a_trigger_of_an_attached_table_stays_restricted(attacked, deed, pending):
    message = f"{deed} {pending}"
    attacked.query("SET ROLE attacker; INSERT INTO app.orders VALUES (%s, 'none', %s)", (message, DEEDS[deed]))
    with contextlib.closing(attacked.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("PREPARE of_the_caller AS SELECT 1")
        cursor.execute("BEGIN")
        if pending.startswith("a foreign key"):
            cursor.execute("INSERT INTO child VALUES (1)")
        cursor.execute("DECLARE of_the_caller CURSOR FOR SELECT 1")
        cursor.execute(APPLY, (message, "sent"))
        assert cursor.fetchone()[0]["applied"] == 1
        cursor.execute("FETCH of_the_caller")
        cursor.execute("COMMIT")
        cursor.execute("EXECUTE of_the_caller")
    assert attacked.query("SELECT rolsuper FROM pg_roles WHERE rolname = 'attacker'") == [(False,)]
    failures = attacked.query("SELECT error_code FROM msgstatus.attached_table_failure WHERE message_id = %s", (message,))
    assert [code in ("42501", "34000") for (code,) in failures] == [True], failures


def test_what_the_caller_deferred_is_checked_when_it_commits(attacked):
    attacked.query("SET ROLE attacker; INSERT INTO app.orders VALUES ('plain')")
    with contextlib.closing(attacked.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN; INSERT INTO child VALUES (7)")
        cursor.execute(APPLY, ("plain", "sent"))
        cursor.execute("INSERT INTO parent VALUES (7); COMMIT")
    assert attacked.query("SELECT status FROM app.orders WHERE wamid = 'plain'") == [("sent",)]


@pytest.mark.parametrize("code", ["57014", "57P01", "57P03", "53000", "53100", "53200", "53300", "58030", "40001", "P0001"])
def test_whatever_code_a_trigger_raises_the_row_fails_and_not_the_call(attacked, code):
    attacked.query(
        "SET ROLE attacker; INSERT INTO app.orders VALUES (%s, 'none', %s)",
        (code, f"DO $x$ BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = '{code}'; END $x$"),
    )
    attacked.query(APPLY, (code, "sent"))
    assert attacked.query("SELECT state(status)::text FROM msgstatus.message WHERE message_id = %s".replace("state(", "msgstatus.state("), (code,)) == [("sent",)]
    assert attacked.query("SELECT error_code FROM msgstatus.attached_table_failure WHERE message_id = %s", (code,)) == [(code,)]


def test_a_cancellation_ends_the_call(attacked):
    attacked.query("SET ROLE attacker; INSERT INTO app.orders VALUES ('slow', 'none', 'SELECT pg_sleep(60)')")
    with contextlib.closing(attacked.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '300ms'")
        with pytest.raises(Exception, match="statement timeout"):
            cursor.execute(APPLY, ("slow", "sent"))


NUMBER = "15550100987"
READS = {
    "message_history": "SELECT * FROM msgstatus.message_history(%(shown)s)",
    "message_log": "SELECT * FROM msgstatus.message_log(after => %(cursor)s)",
    "message_stats": "SELECT * FROM msgstatus.message_stats()",
    "recipient_engagement": "SELECT * FROM msgstatus.recipient_engagement()",
    "recipient_engagement, the view": "SELECT * FROM msgstatus.recipient_engagement",
    "undelivered_messages": "SELECT * FROM msgstatus.undelivered_messages(interval '0')",
    "unread_messages": "SELECT * FROM msgstatus.unread_messages(interval '0')",
    "stuck_messages": "SELECT * FROM msgstatus.stuck_messages(interval '0')",
    "best_send_hours": "SELECT * FROM msgstatus.best_send_hours()",
    "message_timeline": "SELECT * FROM msgstatus.message_timeline WHERE message_id = %(shown)s",
    "active_alerts": "SELECT * FROM msgstatus.active_alerts",
}


def printed_bytes(notices):
    """Returns the bytes of all constants in printed plans, which PostgreSQL writes as decimal numbers, signed."""
    constants = re.findall(r"\[((?: -?\d+)+) \]", "".join(notices))
    return b"".join(bytes(int(number) & 255 for number in constant.split()) for constant in constants)


@pytest.fixture(scope="module")
def read(server):
    database = server.create_database()
    database.query("CREATE ROLE looking LOGIN; SELECT msgstatus.grant_access('looking', 'analyst')")
    for n in range(5):
        database.query(
            """SELECT msgstatus.apply_message_status(jsonb_build_object('id', 'wamid.secret' || %s, 'status', 'sent', 'timestamp',
                extract(epoch FROM now())::bigint, 'recipient_id', %s::text))""",
            (n, NUMBER),
        )
    return database


@pytest.mark.parametrize("name", READS)
def test_a_printed_plan_holds_no_secret(read, name):
    (key,) = read.query("SELECT key FROM msgstatus.id_key")[0]
    with contextlib.closing(read.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION AUTHORIZATION looking")
        cursor.execute("SELECT message_id FROM msgstatus.message_log(page_size => 2)")
        (shown,) = cursor.fetchone()
        cursor.execute("SELECT page_cursor FROM msgstatus.message_log(page_size => 2)")
        cursor_text = cursor.fetchall()[-1][0]
        cursor.execute("SET client_min_messages = log; SET debug_print_plan = on; SET debug_print_parse = on; SET debug_print_rewritten = on")
        del connection.notices[:]
        cursor.execute(READS[name], {"shown": shown, "cursor": cursor_text})
        assert connection.notices, "plans are printed"
        for secret in (bytes(key), b"wamid.secret", NUMBER.encode()):
            assert secret not in printed_bytes(connection.notices)
            assert secret.hex() not in "".join(connection.notices)
        cursor.execute("SHOW debug_print_plan")
        assert cursor.fetchone() == ("on",)
