#include "config/config_options.hpp"

#include <sstream>
#include <vector>

namespace msgstatus::receiver {

namespace po = boost::program_options;

namespace {

po::options_description network_options() {
    po::options_description options("Network", 100);
    // clang-format off
    options.add_options()
        ("listen", po::value<std::string>()->default_value("127.0.0.1:8080")->value_name("HOST:PORT"),
         "where webhooks come in; port 0 takes a free one and logs it")
        ("admin-listen", po::value<std::string>()->default_value("127.0.0.1:9090")->value_name("HOST:PORT"),
         "where /healthz, /readyz and /metrics are; `off` for nowhere")
        ("public-url", po::value<std::string>()->default_value("")->value_name("URL"),
         "what stands before the path in the address that Twilio knows, e.g. https://hooks.example.org; its signatures "
         "cover it. Without it, the Host header is believed")
        ("tls-cert", po::value<std::string>()->default_value("")->value_name("FILE"),
         "certificate in PEM, with those between it and the root: webhooks come in by HTTPS. Read again on SIGHUP")
        ("tls-key", po::value<std::string>()->default_value("")->value_name("FILE"),
         "its key in PEM, without a passphrase")
        ("body-limit", po::value<std::size_t>()->default_value(4194304)->value_name("BYTES"),
         "largest body (Meta sends up to 3 MB); larger ones get 413")
        ("max-connections", po::value<std::size_t>()->default_value(1024)->value_name("N"),
         "open connections; more wait in the backlog of the system")
        ("max-connections-per-address", po::value<std::size_t>()->default_value(0)->value_name("N"),
         "of these, from one address (in IPv6: from addresses with the same first 64 bits); more are closed. 0: no limit")
        ("tls-handshake-timeout", po::value<double>()->default_value(10)->value_name("SECONDS"),
         "for a TLS handshake")
        ("header-timeout", po::value<double>()->default_value(10)->value_name("SECONDS"),
         "for the header of a request to arrive, else 408")
        ("body-timeout", po::value<double>()->default_value(30)->value_name("SECONDS"),
         "for the body of a request to arrive, else 408; also for a client to take its answer")
        ("idle-timeout", po::value<double>()->default_value(75)->value_name("SECONDS"),
         "how long a connection may stay open without a request")
        ("request-timeout", po::value<double>()->default_value(30)->value_name("SECONDS"),
         "for the answer to a request that has arrived, else 503")
        ("drain-timeout", po::value<double>()->default_value(25)->value_name("SECONDS"),
         "after SIGTERM: how long accepted requests may take to be answered");
    // clang-format on
    return options;
}

po::options_description access_options() {
    po::options_description options(
        "Access (CIDR ranges such as 192.0.2.0/24 or 2001:db8::/32, separated by commas; may be "
        "repeated)",
        100);
    // clang-format off
    options.add_options()
        ("trusted-proxy", po::value<std::vector<std::string>>()->value_name("CIDR"),
         "proxies whose X-Forwarded-For is believed: the client is the last address there that is no trusted proxy")
        ("allow-meta", po::value<std::vector<std::string>>()->value_name("CIDR"),
         "who may call /webhooks/meta, else 403; without it everyone")
        ("allow-twilio", po::value<std::vector<std::string>>()->value_name("CIDR"),
         "who may call /webhooks/twilio/status")
        ("allow-aisensy", po::value<std::vector<std::string>>()->value_name("CIDR"), "who may call /webhooks/aisensy")
        ("allow-webhook", po::value<std::vector<std::string>>()->value_name("CIDR"), "who may call /webhook")
        ("rate-limit", po::value<double>()->default_value(0)->value_name("N"),
         "most requests a second, of all clients together; beyond it 429. 0: no limit")
        ("rate-limit-burst", po::value<double>()->default_value(0)->value_name("N"),
         "how many of them may come at once; 0: as many as in a second")
        ("rate-limit-per-address", po::value<double>()->default_value(0)->value_name("N"),
         "most requests a second of one address (in IPv6: of addresses with the same first 64 bits); 0: no limit")
        ("rate-limit-per-address-burst", po::value<double>()->default_value(0)->value_name("N"),
         "how many of them may come at once; 0: as many as in a second");
    // clang-format on
    return options;
}

po::options_description database_options() {
    po::options_description options("Database", 100);
    // clang-format off
    options.add_options()
        ("database", po::value<std::string>()->default_value("")->value_name("CONNINFO"),
         "libpq connection string or URI, several hosts and target_session_attrs included; what it leaves open comes "
         "from PGHOST, PGSERVICE, ... A password is better kept in ~/.pgpass (PGPASSFILE)")
        ("lanes", po::value<std::size_t>()->default_value(2)->value_name("N"),
         "connections to the database; while the call of one is in flight, arriving bodies collect for the next call")
        ("batch-max", po::value<std::size_t>()->default_value(500)->value_name("N"), "most bodies in one call")
        ("batch-max-bytes", po::value<std::size_t>()->default_value(8388608)->value_name("BYTES"),
         "most bytes in one call, a single larger body aside")
        ("queue-max", po::value<std::size_t>()->default_value(10000)->value_name("N"),
         "most bodies that wait for a call; beyond it webhooks go to the spool, or get 503")
        ("buffer-max-bytes", po::value<std::size_t>()->default_value(134217728)->value_name("BYTES"),
         "most bytes of bodies in memory, arriving, waiting and in flight; beyond it webhooks get 503")
        ("statement-timeout", po::value<double>()->default_value(10)->value_name("SECONDS"), "for one call")
        ("lock-timeout", po::value<double>()->default_value(2)->value_name("SECONDS"),
         "for a lock that someone else holds on a message");
    // clang-format on
    return options;
}

po::options_description spool_options() {
    po::options_description options("Spool", 100);
    // clang-format off
    options.add_options()
        ("spool-dir", po::value<std::string>()->default_value("")->value_name("DIR"),
         "where webhooks that the database cannot take wait on disk, answered 200, until it can; on a local file system, "
         "for one receiver alone. Without it they get 503")
        ("spool-max-bytes", po::value<std::size_t>()->default_value(1073741824)->value_name("BYTES"),
         "most bytes on disk; beyond it webhooks get 503")
        ("spool-after", po::value<double>()->default_value(3)->value_name("SECONDS"),
         "how long a webhook waits for the database before it goes to the spool");
    // clang-format on
    return options;
}

po::options_description secret_options() {
    po::options_description options(
        "Secrets (each also as environment variable without _FILE; one a line, all are valid; files are read again on "
        "SIGHUP)",
        100);
    // clang-format off
    options.add_options()
        ("meta-app-secret-file", po::value<std::string>()->value_name("FILE"), "app secret, keys X-Hub-Signature-256")
        ("meta-verify-token-file", po::value<std::string>()->value_name("FILE"), "verify token of Meta's handshake")
        ("twilio-auth-token-file", po::value<std::string>()->value_name("FILE"), "auth token, keys X-Twilio-Signature")
        ("twilio-signing-keys-file", po::value<std::string>()->value_name("FILE"),
         "signing keys, NAME=SECRET each: of X-Twilio-Webhooks-Signature-Settings")
        ("aisensy-secret-file", po::value<std::string>()->value_name("FILE"), "shared secret, keys X-AiSensy-Signature")
        ("allow-unsigned", po::bool_switch(),
         "accept webhooks of providers whose secret is not set (else 401): for tests, or where something in front "
         "checks");
    // clang-format on
    return options;
}

po::options_description log_options() {
    po::options_description options("Log (to standard error)", 100);
    // clang-format off
    options.add_options()
        ("log-level", po::value<std::string>()->default_value("info")->value_name("LEVEL"),
         "debug, info, warning or error")
        ("log-format", po::value<std::string>()->default_value("logfmt")->value_name("FORMAT"), "logfmt or json");
    // clang-format on
    return options;
}

} // namespace

po::options_description config_options() {
    po::options_description options;
    options.add(network_options())
        .add(access_options())
        .add(database_options())
        .add(spool_options())
        .add(secret_options())
        .add(log_options());
    // clang-format on
    return options;
}

po::options_description command_options() {
    po::options_description options("Command", 100);
    // clang-format off
    options.add_options()
        ("config", po::value<std::string>()->value_name("FILE"), "read settings from a file: lines of `name = value`")
        ("check-config", po::bool_switch(), "check the settings and exit: 0 if they are right, 2 if not")
        ("list", po::value<std::size_t>()->default_value(0)->value_name("N"),
         "for inspect: also list the N webhooks that have waited longest, without what they say")
        ("content", po::bool_switch(), "for inspect: show what is listed, masked")
        ("from", po::value<std::string>()->default_value("")->value_name("FILE"), "for salvage: the damaged file")
        ("url", po::value<std::string>()->default_value("")->value_name("URL"),
         "for sign: the URL that Twilio calls; without it public-url with /webhooks/twilio/status")
        ("help,h", po::bool_switch(), "print this")
        ("version", po::bool_switch(), "print the version");
    // clang-format on
    return options;
}

std::string environment_name(const std::string &option) {
    std::string name = "MSGSTATUS_";
    for (const char c : option)
        name.push_back(c == '-' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c));
    return name;
}

std::string help_text() {
    std::ostringstream text;
    text << "msgstatus-receiver takes delivery-status webhooks of WhatsApp and SMS providers over HTTP, checks who "
            "sent\n"
            "them and hands them to the function msgstatus.apply_message_status_batch of a PostgreSQL database.\n"
            "It answers 200 when they are committed.\n\n"
            "Usage: msgstatus-receiver [option]...          take webhooks\n"
            "       msgstatus-receiver inspect [option]...  tell what waits in the spool; also while a receiver runs\n"
            "       msgstatus-receiver drain [option]...    bring what waits in the spool to the database, and end;\n"
            "                                               refused while a receiver uses the spool\n"
            "       msgstatus-receiver salvage [option]...  copy what can be read of a damaged file to the spool, "
            "which\n"
            "                                               no receiver may use meanwhile\n"
            "       msgstatus-receiver sign PROVIDER [option]... [FILE|-]\n"
            "                                               print the headers that make the body in FILE, or on "
            "standard\n"
            "                                               input, a webhook of meta, twilio or aisensy, signed with "
            "the\n"
            "                                               secret of the settings: for curl -H @-, see\n"
            "                                               docs/try-a-webhook.md\n\n"
            "Every option but those of `Command` may also be set in the environment (--admin-listen as\n"
            "MSGSTATUS_ADMIN_LISTEN) or in the file of --config (admin-listen = ...). Flags win, then the environment, "
            "then\n"
            "the file.\n\n"
         << command_options() << '\n'
         << config_options() << '\n'
         << "On SIGHUP, certificate, key and secrets are read again from their files; if that fails, nothing changes.\n"
            "Exit status: 0 after SIGTERM or SIGINT, when every accepted request is answered; 1 on a failure; 2 on a "
            "bad\n"
            "setting. Of drain: 0 if the spool is empty, 1 if not.\n";
    return text.str();
}

} // namespace msgstatus::receiver
