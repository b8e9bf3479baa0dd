"""Each panel of the dashboard on the database runs as an analyst and returns what its visualization shows.

The SQL is made as Grafana makes it: the frontend replaces variables, the PostgreSQL data source replaces macros, and only what it
knows. The analyst's search_path is empty, and its transactions are read-only.
"""

import contextlib
import datetime
import itertools
import json
import re

import grafana
import pages
import psycopg2
import pytest

DASHBOARD = json.loads((pages.ROOT / "docs/operations/grafana-messages.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
CHOICES = [name for name, variable in VARIABLES.items() if variable["type"] == "query"]
SOURCE = {"type": "grafana-postgresql-datasource", "uid": "${datasource}"}
RANGES = {"hours": datetime.timedelta(hours=5), "days": datetime.timedelta(days=20), "months": datetime.timedelta(days=400)}
# Types of PostgreSQL that Grafana turns into numbers, times and texts.
NUMBERS = {20, 21, 23, 700, 701, 1700}
TIMES = {1114, 1184}
TEXTS = {16, 25, 1043}
SERIES = {"timeseries"}
ONE_ROW = {"stat", "bargauge"}
# These panels show one campaign, or nothing while none is chosen.
OF_A_CAMPAIGN = {"Recipients of the campaign", "Why recipients failed", "Cost of the campaign"}

# The page makes the role.
ROLE = pages.examples_of((pages.ROOT / "docs/operations/monitoring.md").read_text(encoding="utf-8"))[0].sql.text
DATA = """
ALTER ROLE grafana SET search_path = '';
SET search_path = msgstatus, public;

SELECT register_message('wamid.' || n, 'meta', 'outbound', '+15550100000', '+1555010' || 1000 + n, 'template') FROM generate_series(1, 40) AS n;
SELECT register_message('SM' || lpad(n::text, 32, '0'), 'twilio', 'outbound', '+15550100000', '+1555010' || 1000 + n, 'text') FROM generate_series(1, 20) AS n;
UPDATE message SET created_at = now() - interval '20 minutes' - (substr(message_id, 3) ~ '[05]$')::integer * interval '4 days';
SELECT rebuild_rollups();
SELECT apply_message_status(jsonb_agg(jsonb_build_object('id', 'wamid.' || n, 'status', s.status, 'recipient_id', '1555010' || 1000 + n,
    'timestamp', extract(epoch FROM m.created_at)::bigint + s.seconds,
    'errors', CASE s.status WHEN 'failed' THEN '[{"code": 131026, "title": "Message undeliverable"}]'::jsonb END)))
FROM generate_series(1, 40) AS n JOIN message AS m ON m.message_id = 'wamid.' || n,
    (VALUES ('sent', 1, 40), ('delivered', 5, 30), ('read', 600, 12), ('failed', 3, 2)) AS s (status, seconds, number)
WHERE CASE s.status WHEN 'failed' THEN n > 38 ELSE n <= s.number END;
SELECT apply_message_status(jsonb_build_object('MessageSid', 'SM' || lpad(n::text, 32, '0'), 'MessageStatus',
    CASE WHEN n < 3 THEN 'undelivered' ELSE 'delivered' END, 'ErrorCode', CASE WHEN n < 3 THEN '30003' END)) FROM generate_series(1, 20) AS n;
SELECT apply_message_status('{"id": "wamid.in", "status": "received", "timestamp": "1733826609"}');
SELECT apply_message_status('{"object": "no webhook of a provider"}');

SELECT create_campaign('winter', 'winter_sale', 'en') AS winter \\gset
SELECT add_recipients(:'winter', '{+15550102001,+15550102002,+15550102003}');
SELECT activate_campaign(:'winter');
SELECT record_send(recipient_id, 'wamid.winter' || right(phone_number, 1)) FROM claim_recipients(10);
SELECT apply_message_status(jsonb_build_object('id', 'wamid.winter' || n, 'status', s.status, 'timestamp', extract(epoch FROM now())::bigint,
    'pricing', '{"billable": true, "category": "marketing"}'::jsonb,
    'errors', CASE s.status WHEN 'failed' THEN '[{"code": 131026, "title": "Message undeliverable"}]'::jsonb END))
FROM (VALUES (1, 'read'), (2, 'failed'), (3, 'delivered')) AS s (n, status);
UPDATE alert_rule SET threshold = 99, minimum_count = 1, age = '0' WHERE name = 'delivery_rate_low';
"""


@pytest.fixture(scope="module")
def database(docs_server):
    docs_server.execute(docs_server.create_database("dashboard"), ROLE + DATA)
    return "dashboard"


@pytest.fixture
def analyst(docs_server, database):
    with contextlib.closing(psycopg2.connect(docs_server.conninfo(database, user="grafana"))) as connection:
        connection.set_session(readonly=True)
        yield connection


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def interpolated(sql, chosen, begin, end):
    """Returns the SQL that Grafana sends: `chosen` has a value for each variable that is not All."""
    def variable(match):
        name, form = match[1], match[2]
        if name == "__timezone":
            return quoted("Europe/Berlin") if form == "sqlstring" else "Europe/Berlin"
        # Grafana inserts the value for All as it is.
        return {"sqlstring": quoted, "raw": str}[form](chosen[name]) if name in chosen else VARIABLES[name]["allValue"]

    def macro(match):
        return {"__timeFrom": quoted(begin), "__timeTo": quoted(end),
                "__timeFilter": f"{match[2]} BETWEEN {quoted(begin)} AND {quoted(end)}"}[match[1]]

    sql = re.sub(r"\$\{(\w+):(\w+)\}", variable, sql)
    sql = re.sub(r"\$(\w+)\(([^)]*)\)", macro, sql)
    assert "$" not in sql, sql
    return sql


def run(connection, sql, chosen=(), span="days"):
    """Returns the columns, as name and type, and the rows of a query of the dashboard."""
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
    begin, end = ((time.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z") for time in (end - RANGES[span], end))
    with connection, connection.cursor() as cursor:
        cursor.execute(interpolated(sql, dict(chosen), begin, end))
        return [(column.name, column.type_code) for column in cursor.description], cursor.fetchall()


def sql_of(panel):
    (target,) = panel["targets"]
    return target["rawSql"]


def values_of(connection, variable):
    """Returns the values that a variable offers, by their texts."""
    columns, rows = run(connection, variable["query"])
    names = [name for name, _ in columns]
    assert names in (["__text", "__value"], [names[0]]), variable["name"]
    return {row[0]: row[-1] for row in rows}


def problems(panel, columns, rows):
    """Returns what keeps Grafana from showing a result in a panel."""
    (target,) = panel["targets"]
    names = [name for name, _ in columns]
    kinds = dict(columns)
    found = [f"two columns {name}" for name in names if names.count(name) > 1]
    found += [f"{name} has a type that is shown as bytes" for name, kind in columns if kind not in NUMBERS | TIMES | TEXTS]
    found += [f"no column {override['matcher']['options']}" for override in panel["fieldConfig"]["overrides"]
              if override["matcher"]["options"] not in names]
    if panel["type"] in SERIES:
        labels = [name for name, kind in columns if kind in TEXTS]
        if target["format"] != "time_series" or names[0] != "time" or kinds.get("time") not in TIMES:
            return [*found, "no column time"]
        if not any(kind in NUMBERS for kind in kinds.values()):
            found.append("no value")
        if set(labels) - {"metric"}:
            found.append(f"labels {labels}")
        keys = [tuple(value for value, name in zip(row, names) if name in ("time", *labels)) for row in rows]
        if None in (key[0] for key in keys) or sorted(keys) != keys or len(set(keys)) != len(keys):
            found.append("times that are missing, not in order or there twice")
    elif target["format"] != "table":
        found.append(f"format {target['format']}")
    if panel["type"] in ONE_ROW and (len(rows) != 1 or any(kind not in NUMBERS for kind in kinds.values())):
        found.append(f"{len(rows)} rows of {kinds}")
    return found


@pytest.mark.parametrize("span", RANGES)
@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_shows_all_messages(analyst, panel, span):
    columns, rows = run(analyst, sql_of(panel), span=span)
    assert problems(panel, columns, rows) == []
    assert rows or panel["title"] in OF_A_CAMPAIGN


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_shows_what_is_chosen(analyst, panel):
    """Every value of each variable, alone."""
    offered = {name: values_of(analyst, VARIABLES[name]) for name in CHOICES}
    assert all(offered.values()), offered
    for name, value in itertools.chain.from_iterable(zip(itertools.repeat(name), values.values()) for name, values in offered.items()):
        if f"${{{name}:" in sql_of(panel):
            columns, rows = run(analyst, sql_of(panel), {name: value})
            assert problems(panel, columns, rows) == [], (name, value)
            assert rows or name == "campaign" or panel["title"] == "Dead letters", (name, value)
    if panel["title"] in OF_A_CAMPAIGN:
        assert run(analyst, sql_of(panel), {"campaign": offered["campaign"]["winter"]})[1]


def test_the_numbers_are_those_of_the_messages(analyst):
    shown = {panel["title"]: run(analyst, sql_of(panel))[1] for panel in PANELS if panel["type"] in ONE_ROW}
    # 40 of Meta, 20 of Twilio, 3 of the campaign, and an inbound one.
    assert shown["Messages"] == [(64,)]
    assert shown["Failed"] == [(5,)]
    assert shown["How far messages came"] == [(63, 62, 50, 13)]  # a failed one was never seen as sent
    assert shown["Undelivered for so long"][0][0] == 8
    by_name = {panel["title"]: panel for panel in PANELS}
    for title, total in (("Messages by outcome", 64), ("Messages by state", 64), ("Messages by provider", 64)):
        columns, rows = run(analyst, sql_of(by_name[title]))
        column = [name for name, _ in columns].index("created" if title == "Messages by outcome" else "messages")
        assert sum(row[column] for row in rows) == total, title
    _, rows = run(analyst, sql_of(by_name["Messages by provider"]), {"provider": "twilio"})
    assert {row[1] for row in rows} == {"twilio"} and sum(row[2] for row in rows) == 20
    _, rows = run(analyst, sql_of(by_name["Latest undelivered messages"]))
    assert len(rows) == 8 and all("*" in row[3] and row[1].startswith("m_") for row in rows)


def test_a_value_that_ends_a_literal_is_quoted(analyst):
    for panel in PANELS:
        for name in set(re.findall(r"\$\{(\w+):", sql_of(panel))) & {"provider", "type"}:
            run(analyst, sql_of(panel), {name: "it's'; --"})


@pytest.mark.parametrize("broken, what", [
    (("AS \"time\"", "AS moment"), "no column time"),
    (("ORDER BY 1, 2", "ORDER BY 1 DESC"), "times that are missing, not in order or there twice"),
    (("AS metric", "AS state"), "labels ['state']"),
    (("s.value::bigint", "s.value"), "no value"),
])
def test_a_broken_panel_is_noticed(analyst, broken, what):
    panel = next(panel for panel in PANELS if panel["title"] == "Messages by state")
    assert broken[0] in sql_of(panel)
    columns, rows = run(analyst, sql_of(panel).replace(*broken))
    assert what in problems(panel, columns, rows)


@pytest.mark.parametrize("broken, error", [
    (("msgstatus.weblog_stats", "weblog_stats"), psycopg2.errors.UndefinedFunction),
    (("FROM msgstatus.", "FROM msgstatus.message, msgstatus."), psycopg2.errors.InsufficientPrivilege),
])
def test_a_panel_beyond_the_analyst_is_noticed(analyst, broken, error):
    panel = next(panel for panel in PANELS if panel["title"] == "Messages")
    with pytest.raises(error):
        run(analyst, sql_of(panel).replace(*broken))


def test_the_panels_fit_beside_each_other():
    grafana.check_places(DASHBOARD)


def test_the_panels_ask_the_data_source_that_is_chosen():
    assert VARIABLES["datasource"]["type"] == "datasource" and VARIABLES["datasource"]["query"] == SOURCE["type"]
    for place in [*PANELS, *(target for panel in PANELS for target in panel["targets"]), *(VARIABLES[name] for name in CHOICES)]:
        assert place["datasource"] == SOURCE, place
    used = {name for panel in PANELS for name in re.findall(r"\$\{(\w+)", sql_of(panel))}
    assert used - {"__timezone"} == set(CHOICES)
    for panel in PANELS:
        assert panel["description"] and panel["targets"][0]["rawQuery"], panel["title"]
