"""Which alerts are active when, on days that are as quiet or as bad as days are; docs/operations/alerts.md has the table.

The functions of the alerts are made anew with a clock that the test sets. MSGSTATUS_WRITE_DOCS=1 writes the table.
"""

import contextlib
import os
import pathlib

import psycopg2.extras
import pytest

import days

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/operations/alerts.md"
BEGIN, END = "<!-- days: made by test/property/test_alert_days.py -->\n\n", "\n<!-- end -->"
# The alerts are looked at every ten minutes by day, and every hour by night.
LOOKS = [*range(0, 8 * 60, 60), *range(8 * 60, 20 * 60, 10), *range(20 * 60, days.DAY, 60)]

PREPARE = """
    CREATE FUNCTION msgstatus.clock() RETURNS timestamptz LANGUAGE sql STABLE AS
        $$ SELECT current_setting('days.now')::timestamptz $$;
    CREATE TABLE public.day (id text, provider text, sender text, created timestamptz, sent timestamptz, delivered timestamptz,
        read timestamptz, failed timestamptz, error_code integer, heard_from timestamptz, deaf_from timestamptz);
    DO $$
    DECLARE
        definition text;
    BEGIN
        FOR definition IN
            SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p
            WHERE p.pronamespace = 'msgstatus'::regnamespace AND p.prosrc ~ '\\mnow\\(\\)'
                AND p.proname ~ '^(alert_|read_active_alerts|recent_outcomes|senders_with_receipts|last_signs_of_life)'
        LOOP
            EXECUTE replace(definition, 'now()', 'msgstatus.clock()');
        END LOOP;
    END
    $$"""

# What is known of the day's messages at a time, and what the trail ends with.
STAND = """
    TRUNCATE msgstatus.message, msgstatus.status_event_default;
    WITH known AS (
        SELECT d.*, ARRAY[d.sent, d.delivered, d.read, d.failed] AS times
        FROM public.day AS d
        WHERE GREATEST(d.created, d.heard_from) <= msgstatus.clock()
    ), heard AS (
        SELECT k.id, msgstatus.merge_agg(msgstatus.message_status(s.state::msgstatus.delivery_state, s.time)) AS status,
            max(GREATEST(s.time, k.heard_from)) AS heard_at
        FROM known AS k, unnest('{sent,delivered,read,failed}'::text[], k.times) AS s (state, time)
        WHERE GREATEST(s.time, k.heard_from) <= msgstatus.clock() AND s.time < k.deaf_from
        GROUP BY k.id
    ), written AS (
        INSERT INTO msgstatus.message (message_id, provider, direction, sender, status, error_code, created_at, updated_at)
        SELECT k.id, k.provider, 'outbound', k.sender, COALESCE(h.status, '{}'), CASE WHEN k.failed <= msgstatus.clock() THEN k.error_code END,
            k.created, COALESCE(h.heard_at, k.created)
        FROM known AS k LEFT JOIN heard AS h ON h.id = k.id
    )
    INSERT INTO msgstatus.status_event (message_id, state, event_time, received_at, fingerprint, digest, time_source, source)
    SELECT e.* FROM (
        SELECT k.id, 'read'::msgstatus.delivery_state, h.heard_at, h.heard_at, 0, 0, 'provider',
            CASE WHEN k.heard_from > k.created THEN 'import' END
        FROM heard AS h JOIN known AS k ON k.id = h.id
        ORDER BY h.heard_at DESC LIMIT 300) AS e
    ORDER BY 4;
    SELECT msgstatus.rebuild_rollups()"""


def at(minutes):
    return None if minutes is None else days.MIDNIGHT + minutes * days.MINUTE if abs(minutes) != float("inf") else \
        "infinity" if minutes > 0 else "-infinity"


def clock(minutes):
    return f"{minutes // 60:02}:{minutes % 60:02}"


def course(cursor, day):
    """Returns the alerts of a day, as (name, subject) -> [from, until] with None for an alert that is active at its end."""
    rows = [(f"m{n}", m.provider, m.sender, *map(at, (m.created, m.sent, m.delivered, m.read, m.failed)), m.error_code,
             at(m.heard_from), at(m.deaf_from)) for n, m in enumerate(days.messages_of(day))]
    cursor.execute("TRUNCATE public.day")
    psycopg2.extras.execute_values(cursor, "INSERT INTO public.day VALUES %s", rows, page_size=1000)
    found, active = [], {}
    for minute in LOOKS:
        cursor.execute("SELECT set_config('days.now', %s, false)", (str(at(minute)),))
        cursor.execute(STAND)
        cursor.execute("SELECT name, subject FROM msgstatus.active_alerts")
        now = set(cursor.fetchall())
        for alert in sorted(now - active.keys()):
            active[alert] = [*alert, minute, None]
            found.append(active[alert])
        for alert in active.keys() - now:
            active.pop(alert)[3] = minute
    return found


@pytest.fixture(scope="module")
def courses(server):
    """The alerts of all days."""
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off; SET jit = off")
        cursor.execute(PREPARE)
        return {day: course(cursor, day) for day in days.DAYS}


def table(courses):
    lines = ["| day | alert | about | active |", "|---|---|---|---|"]
    for day, alerts in courses.items():
        for name, subject, begin, end in alerts:
            until = f"{clock(begin)} to {clock(end)}" if end is not None else f"from {clock(begin)} on"
            lines.append(f"| {day} | `{name}` | {subject or 'all'} | {until} |")
        if not alerts:
            lines.append(f"| {day} | none | | |")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("day", days.DAYS)
def test_a_day_has_its_alerts_and_no_other(courses, day):
    assert {name for name, *_ in courses[day]} == days.DAYS[day][1], courses[day]


def test_an_outage_is_noticed_soon(courses):
    begun = {(day, name): begin for day, alerts in courses.items() for name, _, begin, _ in reversed(alerts)}
    for day, name in [(days.provider_down, "delivery_rate_low"), (days.provider_refuses, "delivery_rate_low"), (days.webhooks_stop, "webhooks_silent")]:
        (title,) = [title for title, (make, _) in days.DAYS.items() if make is day]
        assert 12 * 60 <= begun[title, name] <= 12 * 60 + 30, title


def test_silence_lasts_until_a_webhook_comes(courses):
    (title,) = [title for title, (make, _) in days.DAYS.items() if make is days.webhooks_stop]
    assert [end for name, subject, _, end in courses[title] if name == "webhooks_silent" and subject == "meta"] == [None]


def test_the_table_in_the_docs_is_up_to_date(courses):
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    made = head + BEGIN + table(courses) + END + tail
    if os.environ.get("MSGSTATUS_WRITE_DOCS"):
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made
