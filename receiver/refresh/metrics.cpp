#include "refresh/metrics.hpp"

#include <sstream>

namespace msgstatus::refresh {
namespace {

void head(std::ostream &out, const char *name, const char *kind, const char *help) {
    out << "# HELP " << name << ' ' << help << "\n# TYPE " << name << ' ' << kind << '\n';
}

template <class Number>
void write(std::ostream &out, const char *name, const char *kind, const char *help, const Number &value) {
    head(out, name, kind, help);
    out << name << ' ' << value << '\n';
}

template <class Counters, class Names>
void write_labelled(std::ostream &out, const char *name, const char *label, const char *help, const Counters &counters,
                    const Names &names) {
    head(out, name, "counter", help);
    for (std::size_t i = 0; i < names.size(); ++i)
        out << name << '{' << label << "=\"" << names[i] << "\"} " << counters[i] << '\n';
}

} // namespace

std::string prometheus_text(const Metrics &metrics, bool configured, bool refused) {
    std::ostringstream out;
    write_labelled(out, "msgstatus_refresh_requests_total", "result", "Requests to Twilio.", metrics.requests,
                   result_names);
    write_labelled(out, "msgstatus_refresh_messages_total", "outcome", "What came of messages that were asked for.",
                   metrics.messages, outcome_names);
    const auto counter = [&](const char *name, const char *help, const Counter &value) {
        write(out, name, "counter", help, value);
    };
    counter("msgstatus_refresh_stuck_total", "Messages asked for because they were stuck.", metrics.stuck);
    counter("msgstatus_refresh_reconciliations_total", "Comparisons with Twilio's list that ended.",
            metrics.reconciliations);
    counter("msgstatus_refresh_reconciliations_failed_total", "Comparisons that failed.",
            metrics.reconciliations_failed);
    counter("msgstatus_refresh_listed_pages_total", "Pages of Twilio's list.", metrics.listed_pages);
    counter("msgstatus_refresh_listed_messages_total", "Messages on these pages.", metrics.listed_messages);
    counter("msgstatus_refresh_listed_changed_total", "Messages that these pages brought up to date.",
            metrics.listed_changed);
    counter("msgstatus_refresh_listed_discovered_total", "Messages on these pages that nobody had told of.",
            metrics.listed_discovered);
    counter("msgstatus_refresh_database_errors_total", "Failed calls of the database, and lost connections.",
            metrics.database_errors);
    write(out, "msgstatus_refresh_database_connections", "gauge", "Open connections to the database.",
          metrics.connections);
    write(out, "msgstatus_refresh_last_answer_timestamp_seconds", "gauge",
          "When Twilio last answered with a message or a page; 0: never.", metrics.last_answer);
    write(out, "msgstatus_refresh_configured", "gauge", "1 if there are credentials.", configured ? 1 : 0);
    write(out, "msgstatus_refresh_refused", "gauge", "1 while Twilio does not accept the credentials.",
          refused ? 1 : 0);
    return out.str();
}

} // namespace msgstatus::refresh
