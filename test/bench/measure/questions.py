"""Analysts' questions to msgstatus and to the jsonb design: the same question, the same answer."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Question:
    """A question; `hoped` is the time in milliseconds that we hoped for at 10 million messages. Where `given` is a query, what it
    returns takes the place of {given}, quoted. Before the questions of a `stage`, the function history.STAGE changes the history of
    msgstatus."""

    name: str
    hoped: int
    msgstatus: str
    jsonb: str | None = None
    given: str | None = None
    stage: str = ""


def dashboard(days):
    """Returns the question for a daily dashboard."""
    return Question(
        f"{days}-day daily dashboard", 10,
        f"SELECT * FROM msgstatus.message_status_dashboard WHERE date >= current_date - {days}",
        f"""
        SELECT d.date, d.total_messages, d.sent, d.delivered, d.read, d.failed, round(100.0 * d.delivered / NULLIF(d.attempted, 0), 2) AS delivery_rate,
            round(100.0 * d.read / NULLIF(d.delivered, 0), 2) AS read_rate, d.avg_delivery_seconds, d.percentiles, d.avg_read_seconds
        FROM (
            SELECT created_at::date AS date, count(*) AS total_messages,
                count(*) FILTER (WHERE status ?| '{{sent,delivered,read}}') AS sent,
                count(*) FILTER (WHERE status ?| '{{delivered,read}}') AS delivered,
                count(*) FILTER (WHERE status ? 'read') AS read,
                count(*) FILTER (WHERE status ?| '{{failed,undelivered}}') AS failed,
                count(*) FILTER (WHERE status ?| '{{sent,delivered,read,failed,undelivered}}') AS attempted,
                avg(extract(epoch FROM (status ->> 'delivered')::timestamptz - (status ->> 'sent')::timestamptz)) AS avg_delivery_seconds,
                percentile_cont('{{0.5,0.95,0.99}}'::float8[])
                    WITHIN GROUP (ORDER BY extract(epoch FROM (status ->> 'delivered')::timestamptz - (status ->> 'sent')::timestamptz)) AS percentiles,
                avg(extract(epoch FROM (status ->> 'read')::timestamptz - (status ->> 'delivered')::timestamptz)) AS avg_read_seconds
            FROM jsonb_design.message
            WHERE created_at >= current_date - {days}
            GROUP BY created_at::date
        ) AS d
        ORDER BY d.date DESC""")


RATES = """
    count(*) AS total_messages, count(*) FILTER (WHERE status ?| '{sent,delivered,read}') AS sent,
    count(*) FILTER (WHERE status ?| '{delivered,read}') AS delivered, count(*) FILTER (WHERE status ? 'read') AS read,
    count(*) FILTER (WHERE status ?| '{failed,undelivered}') AS failed,
    round(100.0 * count(*) FILTER (WHERE status ?| '{delivered,read}')
        / NULLIF(count(*) FILTER (WHERE status ?| '{sent,delivered,read,failed,undelivered}'), 0), 2) AS delivery_rate,
    round(100.0 * count(*) FILTER (WHERE status ? 'read') / NULLIF(count(*) FILTER (WHERE status ?| '{delivered,read}'), 0), 2) AS read_rate"""

UNDELIVERED = """
    FROM jsonb_design.message
    WHERE status ? 'sent' AND NOT status ?| '{delivered,read,failed,undelivered}' AND (status ->> 'sent')::timestamptz <= now() - interval '5 minutes'"""

LOG = """
    SELECT message_id, provider, direction, sender, recipient, status, error_code, created_at, updated_at FROM jsonb_design.message"""

# In this order, since what one does to the history stays.
STAGES = ("", "settle", "even_out", "unfold")

QUESTIONS = (
    dashboard(30),
    dashboard(7),
    Question("delivery rate, last 24 hours", 5,
             "SELECT * FROM msgstatus.delivery_rates WHERE period = 'last 24 hours'",
             f"""
             SELECT {RATES}
             FROM jsonb_design.message WHERE created_at >= date_trunc('hour', now()) - interval '24 hours'
             UNION ALL
             SELECT {RATES}
             FROM jsonb_design.message
             WHERE created_at >= date_trunc('hour', now()) - interval '48 hours' AND created_at < date_trunc('hour', now()) - interval '24 hours'"""),
    Question("hourly volume, last 24 hours", 5,
             "SELECT * FROM msgstatus.hourly_message_volume WHERE hour >= date_trunc('hour', now()) - interval '24 hours'",
             f"""
             SELECT date_trunc('hour', created_at) AS hour, count(*) FILTER (WHERE direction = 'inbound') AS inbound, {RATES}
             FROM jsonb_design.message WHERE created_at >= date_trunc('hour', now()) - interval '24 hours'
             GROUP BY 1 ORDER BY 1 DESC"""),
    Question("failures of 30 days by code", 10,
             "SELECT * FROM msgstatus.failure_breakdown",
             """
             SELECT provider, error_code, count(*) AS failed FROM jsonb_design.message
             WHERE created_at >= date_trunc('hour', now()) - interval '30 days' AND status ?| '{failed,undelivered}'
             GROUP BY provider, error_code ORDER BY failed DESC"""),
    Question("top 10 recipients, last 7 days", 100,
             "SELECT * FROM msgstatus.recipient_engagement(7, 10)",
             """
             SELECT recipient, count(*) AS messages, count(*) FILTER (WHERE status ?| '{delivered,read}') AS delivered,
                 count(*) FILTER (WHERE status ? 'read') AS read
             FROM jsonb_design.message
             WHERE created_at >= current_date - 6 AND direction = 'outbound'
             GROUP BY recipient ORDER BY messages DESC LIMIT 10"""),
    Question("web log, page 1", 100, "SELECT msgstatus.weblog_messages()"),
    Question("web log, page 1,000", 100,
             "SELECT msgstatus.weblog_messages(jsonb_build_object('cursor', {given}))",
             given="""
             SELECT msgstatus.weblog_cursor(msgstatus.state(status), created_at, message_id) FROM msgstatus.message
             ORDER BY created_at DESC, message_id DESC OFFSET 49949 LIMIT 1"""),
    Question("web log, several states, page 1", 100, """SELECT msgstatus.weblog_messages('{"state": ["failed", "undelivered", "queued"]}')"""),
    Question("web log, what has changed", 20,
             "SELECT msgstatus.weblog_changes(jsonb_build_object('since', now() - interval '1 minute', 'state', 'failed'))"),
    Question("web log, a message", 100,
             "SELECT msgstatus.weblog_message(jsonb_build_object('id', {given}))",
             given="SELECT message_id FROM msgstatus.message ORDER BY created_at LIMIT 1"),
    Question("web log, statistics", 100, "SELECT msgstatus.weblog_stats()"),
    Question("web log, chart", 100, "SELECT msgstatus.weblog_volumes()"),
    Question("web log, 10,000 lines of CSV", 1000, """SELECT msgstatus.weblog_csv_page('{"limit": "10000"}')"""),
    Question("undelivered for 5 minutes: count", 50, "SELECT msgstatus.undelivered_count()", f"SELECT count(*) {UNDELIVERED}"),
    Question("undelivered for 5 minutes: first 100", 50,
             "SELECT * FROM msgstatus.undelivered_messages()",
             f"SELECT message_id, sender, recipient, status ->> 'sent' AS sent_at, created_at {UNDELIVERED} ORDER BY created_at DESC LIMIT 100"),
    Question("message_log, page 1", 50, "SELECT * FROM msgstatus.message_log()", f"{LOG} ORDER BY created_at DESC LIMIT 50"),
    Question("message_log, page 10,000", 50,
             "SELECT * FROM msgstatus.message_log(after => {given})",
             f"{LOG} ORDER BY created_at DESC LIMIT 50 OFFSET 499950",
             """
             SELECT msgstatus.page_cursor(msgstatus.state(status), created_at, message_id) FROM msgstatus.message
             ORDER BY created_at DESC, message_id DESC OFFSET 499949 LIMIT 1"""),
    Question("message_log, failed by Twilio, page 1", 50,
             "SELECT * FROM msgstatus.message_log(state => 'undelivered', provider => 'twilio')",
             f"{LOG} WHERE provider = 'twilio' AND status ? 'undelivered' ORDER BY created_at DESC LIMIT 50"),
    Question("message_log, a rare combination, page 1", 50,
             "SELECT * FROM msgstatus.message_log(state => 'failed', provider => 'aisensy', message_type => 'document')"),
    Question("message_log, a recipient, page 1", 50,
             "SELECT * FROM msgstatus.message_log(recipient_prefix => {given})",
             f"{LOG} WHERE recipient LIKE {{given}} || '%' ORDER BY created_at DESC LIMIT 50",
             "SELECT recipient FROM msgstatus.message WHERE direction = 'outbound' ORDER BY created_at LIMIT 1"),
    Question("message_log, a campaign by state, page 1", 50,
             "SELECT * FROM msgstatus.message_log(campaign_id => {given}, sort_by => 'state')",
             given="SELECT campaign_id FROM msgstatus.message WHERE campaign_id IS NOT NULL ORDER BY created_at LIMIT 1"),
    Question("message_log, own numbers by state, page 1", 50,
             "SELECT * FROM msgstatus.message_log(recipient_prefix => '+4930', sort_by => 'state')"),
    Question("message_log, recipients of a beginning by state, page 1", 50,
             "SELECT * FROM msgstatus.message_log(recipient_prefix => '+491500', sort_by => 'state')"),
    Question("message_stats, a campaign", 50,
             "SELECT * FROM msgstatus.message_stats(campaign_id => {given})",
             given="SELECT campaign_id FROM msgstatus.message WHERE campaign_id IS NOT NULL ORDER BY created_at LIMIT 1"),
    Question("message_stats, all recipients of a country", 50, "SELECT * FROM msgstatus.message_stats(recipient_prefix => '+49')"),
    Question("message_stats, recipients of a beginning of 7 characters", 50, "SELECT * FROM msgstatus.message_stats(recipient_prefix => '+491500')"),
    Question("message_stats, recipients of a beginning of 8 characters", 50, "SELECT * FROM msgstatus.message_stats(recipient_prefix => '+4915001')"),
    Question("undelivered_messages, the view", 50, "SELECT * FROM msgstatus.undelivered_messages"),
    Question("top 50 recipients, last 30 days", 100, "SELECT * FROM msgstatus.recipient_engagement(30, 50)"),
    Question("undelivered_messages, the view, when nothing waits", 50, "SELECT * FROM msgstatus.undelivered_messages", stage="settle"),
    Question("top 50 of even recipients, last 7 days", 100, "SELECT * FROM msgstatus.recipient_engagement(7, 50)", stage="even_out"),
    Question("the same of 8 days, for which there is no window", 100, "SELECT * FROM msgstatus.recipient_engagement(8, 50)", stage="even_out"),
    Question("active alerts", 50, "SELECT * FROM msgstatus.active_alerts"),
    Question("30-day daily dashboard, unfolded", 50,
             "SELECT * FROM msgstatus.message_status_dashboard WHERE date >= current_date - 30", stage="unfold"),
    Question("7-day daily dashboard, unfolded", 50,
             "SELECT * FROM msgstatus.message_status_dashboard WHERE date >= current_date - 7", stage="unfold"),
)
