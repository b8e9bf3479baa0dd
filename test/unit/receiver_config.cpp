// Where settings come from, who wins, and what is refused with a message that names the setting.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "config/config.hpp"

namespace msgstatus::receiver {
namespace {

class ConfigTest : public testing::Test {
protected:
    void SetUp() override {
        std::string path = testing::TempDir() + "msgstatus-config-XXXXXX";
        ASSERT_NE(mkdtemp(path.data()), nullptr);
        directory_ = path;
    }
    void TearDown() override {
        for (const std::string &name : environment_)
            unsetenv(name.c_str());
        std::filesystem::remove_all(directory_);
    }
    void set(const std::string &name, const std::string &value) {
        setenv(name.c_str(), value.c_str(), 1);
        environment_.push_back(name);
    }
    std::string file(const std::string &name, const std::string &text) const {
        std::ofstream(directory_ / name) << text;
        return directory_ / name;
    }
    static Config load(const std::vector<std::string> &flags) {
        std::vector<const char *> argv{"msgstatus-receiver"};
        for (const std::string &flag : flags)
            argv.push_back(flag.c_str());
        return load_config(static_cast<int>(argv.size()), argv.data());
    }
    static std::string problem(const std::vector<std::string> &flags) {
        try {
            load(flags);
        } catch (const ConfigError &error) {
            return error.what();
        }
        return "no problem";
    }
    static bool warned(const std::vector<std::string> &flags, const std::string &text) {
        const std::vector<std::string> warnings = load(flags).warnings;
        return std::any_of(warnings.begin(), warnings.end(),
                           [&](const std::string &warning) { return warning.find(text) != std::string::npos; });
    }
    static bool names(const std::string &message, const std::string &setting) {
        return message.find(setting) != std::string::npos;
    }

private:
    std::filesystem::path directory_;
    std::vector<std::string> environment_;
};

TEST_F(ConfigTest, HasTheDocumentedDefaults) {
    const Config config = load({});
    EXPECT_EQ(config.listen, (Endpoint{"127.0.0.1", 8080}));
    EXPECT_EQ(config.admin_listen, (Endpoint{"127.0.0.1", 9090}));
    EXPECT_EQ(config.http.body_limit, 4U * 1024 * 1024);
    EXPECT_TRUE(config.secrets.meta_app_secrets.empty());
    EXPECT_FALSE(config.allow_unsigned);
}

TEST_F(ConfigTest, FlagsWinThenEnvironmentThenFile) {
    const std::string path = file("conf", "lanes = 3\nbatch-max = 30\nqueue-max = 300\nallow-unsigned = true\n");
    set("MSGSTATUS_LANES", "4");
    set("MSGSTATUS_BATCH_MAX", "40");
    const Config config = load({"--config", path, "--lanes=5"});
    EXPECT_EQ(config.lanes, 5U);
    EXPECT_EQ(config.batch_max, 40U);
    EXPECT_EQ(config.queue_max, 300U);
    EXPECT_TRUE(config.allow_unsigned);
}

TEST_F(ConfigTest, EmptyEnvironmentIsNotSet) {
    set("MSGSTATUS_LANES", "");
    EXPECT_EQ(load({}).lanes, 2U);
}

TEST_F(ConfigTest, TheFileMayBeNamedInTheEnvironment) {
    set("MSGSTATUS_CONFIG", file("conf", "# comment\nlanes = 7 # another\n"));
    EXPECT_EQ(load({}).lanes, 7U);
}

TEST_F(ConfigTest, SecretsComeFromTheEnvironmentOrFromFiles) {
    set("MSGSTATUS_META_APP_SECRET", "one");
    const std::string path = file("token", "  old \r\n\nnew\n");
    const Config config = load({"--twilio-auth-token-file", path, "--public-url", "https://a.b/"});
    EXPECT_EQ(config.secrets.meta_app_secrets, std::vector<std::string>{"one"});
    EXPECT_EQ(config.secrets.twilio_auth_tokens, (std::vector<std::string>{"old", "new"}));
    EXPECT_EQ(config.public_url, "https://a.b");
    const std::string conf = file("conf", "aisensy-secret-file = " + path + "\n");
    EXPECT_EQ(load({"--config", conf}).secrets.aisensy_secrets.size(), 2U);
    set("MSGSTATUS_META_VERIFY_TOKEN_FILE", path);
    EXPECT_EQ(load({}).secrets.meta_verify_tokens.size(), 2U);
}

TEST_F(ConfigTest, SigningKeysHaveNames) {
    set("MSGSTATUS_TWILIO_SIGNING_KEYS", "AKone=a=, AKtwo=b\nAKone=c");
    EXPECT_EQ(load({}).secrets.twilio_signing_keys, (std::vector<std::string>{"AKone=a=", "AKtwo=b", "AKone=c"}));
    EXPECT_FALSE(warned({}, "meta, twilio"));
    for (const char *wrong : {"hidden", "=hidden", "hidden=", "AKone=a,hidden"}) {
        set("MSGSTATUS_TWILIO_SIGNING_KEYS", wrong);
        EXPECT_TRUE(names(problem({}), "MSGSTATUS_TWILIO_SIGNING_KEYS")) << wrong;
        EXPECT_FALSE(names(problem({}), "hidden")) << wrong;
    }
    set("MSGSTATUS_TWILIO_SIGNING_KEYS", "");
    const std::string path = file("keys", "AKone=a\nnone");
    EXPECT_TRUE(names(problem({"--twilio-signing-keys-file", path}), "twilio-signing-keys-file"));
}

TEST_F(ConfigTest, SecretsAreNoFlagsAndNoLinesOfTheFile) {
    const std::string message = problem({"--meta-app-secret", "hidden"});
    EXPECT_TRUE(names(message, "meta-app-secret")) << message;
    EXPECT_TRUE(names(problem({"--config", file("conf", "aisensy-secret = hidden\n")}), "aisensy-secret"));
}

TEST_F(ConfigTest, SignsWithTheSettingsOfTheReceiver) {
    set("MSGSTATUS_TWILIO_AUTH_TOKEN", "token");
    Config config = load({"sign", "twilio", "--public-url", "https://a.b/"});
    EXPECT_EQ(config.secrets.twilio_auth_tokens, (std::vector<std::string>{"token"}));
    EXPECT_EQ(config.sign_url, "https://a.b/webhooks/twilio/status");
    EXPECT_EQ(config.sign_file, "-");
    config = load({"sign", "twilio", "--public-url", "https://a.b", "--url", "https://c.d/e", "body.txt"});
    EXPECT_EQ(config.sign_url, "https://c.d/e");
    EXPECT_EQ(config.sign_file, "body.txt");
}

TEST_F(ConfigTest, NamesTheSettingThatIsWrong) {
    EXPECT_TRUE(names(problem({"--no-such"}), "no-such"));
    EXPECT_TRUE(names(problem({"stray"}), "stray"));
    EXPECT_TRUE(names(problem({"drain", "stray"}), "positional"));
    EXPECT_TRUE(names(problem({"drain"}), "spool-dir"));
    EXPECT_TRUE(names(problem({"sign"}), "provider"));
    EXPECT_TRUE(names(problem({"sign", "telegram"}), "provider"));
    EXPECT_TRUE(names(problem({"sign", "meta", "body", "stray"}), "positional"));
    EXPECT_TRUE(names(problem({"--url", "https://a.b"}), "url"));
    EXPECT_TRUE(names(problem({"--spool-max-bytes", "1000"}), "spool-max-bytes"));
    EXPECT_TRUE(names(problem({"--listen", "8080"}), "listen"));
    EXPECT_TRUE(names(problem({"--admin-listen", "127.0.0.1:99999"}), "admin-listen"));
    EXPECT_TRUE(names(problem({"--lanes", "0"}), "lanes"));
    EXPECT_TRUE(names(problem({"--lanes", "-1"}), "lanes"));
    EXPECT_TRUE(names(problem({"--lanes", "many"}), "lanes"));
    EXPECT_TRUE(names(problem({"--body-limit", "0"}), "body-limit"));
    EXPECT_TRUE(names(problem({"--idle-timeout", "nan"}), "idle-timeout"));
    EXPECT_TRUE(names(problem({"--drain-timeout", "-1"}), "drain-timeout"));
    EXPECT_TRUE(names(problem({"--log-level", "loud"}), "log-level"));
    EXPECT_TRUE(names(problem({"--log-format", "xml"}), "log-format"));
    EXPECT_TRUE(names(problem({"--public-url", "a.b"}), "public-url"));
    EXPECT_TRUE(names(problem({"--public-url", "https://a.b?c"}), "public-url"));
    EXPECT_TRUE(names(problem({"--database", "host=a nonsense=b"}), "database"));
    EXPECT_TRUE(names(problem({"--config", "/nonexistent"}), "config"));
    EXPECT_TRUE(names(problem({"--meta-app-secret-file", "/nonexistent"}), "meta-app-secret-file"));
    EXPECT_TRUE(names(problem({"--meta-app-secret-file", file("empty", "\n \n")}), "meta-app-secret-file"));
    EXPECT_TRUE(names(problem({"--config", file("conf", "lanes = many\n")}), "lanes"));
    set("MSGSTATUS_LANES", "many");
    EXPECT_TRUE(names(problem({}), "MSGSTATUS_LANES"));
}

TEST_F(ConfigTest, WarnsOfProvidersWithoutASecret) {
    EXPECT_TRUE(warned({"--lanes=1"}, "no secret is set for meta, twilio, aisensy: their webhooks get 401"));
    EXPECT_FALSE(warned({"--allow-unsigned"}, "get 401"));
    set("MSGSTATUS_META_APP_SECRET", "one");
    EXPECT_TRUE(warned({}, "no secret is set for twilio, aisensy"));
    set("MSGSTATUS_TWILIO_AUTH_TOKEN", "two");
    set("MSGSTATUS_AISENSY_SECRET", "three");
    EXPECT_FALSE(warned({}, "no secret"));
}

TEST_F(ConfigTest, WarnsWhereNothingIsConfigured) {
    EXPECT_TRUE(warned({}, "nothing is configured"));
    EXPECT_TRUE(warned({"--check-config"}, "nothing is configured"));
    EXPECT_FALSE(warned({"--lanes=1"}, "nothing is configured"));
    EXPECT_FALSE(warned({"--config", file("conf", "lanes = 1\n")}, "nothing is configured"));
    set("MSGSTATUS_AISENSY_SECRET", "one");
    EXPECT_FALSE(warned({}, "nothing is configured"));
}

TEST_F(ConfigTest, RefusesASecretGivenTwice) {
    set("MSGSTATUS_AISENSY_SECRET", "one");
    EXPECT_TRUE(names(problem({"--aisensy-secret-file", file("secret", "two")}), "aisensy-secret"));
}

TEST_F(ConfigTest, NeverShowsThePasswordOfABadConnectionString) {
    for (const char *database : {"host=a password='hidden", "postgresql://u:hidden@[::1/db", "password=x hidden"})
        EXPECT_FALSE(names(problem({"--database", database}), "hidden")) << database;
}

TEST_F(ConfigTest, WarnsOfWhatIsAllowedYetDangerous) {
    set("MSGSTATUS_META_APP_SECRET", "one");
    set("MSGSTATUS_TWILIO_AUTH_TOKEN", "two");
    set("MSGSTATUS_NO_SUCH", "three");
    const Config config = load({"--allow-unsigned"});
    ASSERT_EQ(config.warnings.size(), 4U);
    EXPECT_TRUE(names(config.warnings[0], "MSGSTATUS_NO_SUCH"));
    EXPECT_TRUE(names(config.warnings[1], "name of aisensy")) << config.warnings[1];
    EXPECT_TRUE(names(config.warnings[2], "meta-verify-token"));
    EXPECT_TRUE(names(config.warnings[3], "public-url"));
}

TEST_F(ConfigTest, WarnsOfAnAppSecretWithoutAVerifyToken) {
    set("MSGSTATUS_META_APP_SECRET", "one");
    EXPECT_TRUE(warned({}, "meta-verify-token"));
    EXPECT_TRUE(warned({"--check-config"}, "meta-verify-token"));
    set("MSGSTATUS_META_VERIFY_TOKEN", "two");
    EXPECT_FALSE(warned({}, "meta-verify-token"));
    set("MSGSTATUS_META_APP_SECRET", "");
    EXPECT_FALSE(warned({}, "meta-verify-token"));
}

TEST_F(ConfigTest, AnEmptyValueIsTheDefault) {
    EXPECT_EQ(load({"--lanes="}).lanes, 2U);
    EXPECT_EQ(load({"--config", file("conf", "lanes =\n")}).lanes, 2U);
    EXPECT_TRUE(names(problem({"--allow-meta="}), "allow-meta")) << "a list that names nobody would allow everyone";
}

TEST_F(ConfigTest, ListsMayBeRepeatedAndNothingElse) {
    const Config config = load({"--allow-meta=192.0.2.1", "--allow-meta", "192.0.2.2, 192.0.2.3"});
    for (const char *address : {"192.0.2.1", "192.0.2.2", "192.0.2.3"})
        EXPECT_TRUE(config.allow_meta.contains(*Address::parse(address))) << address;
    EXPECT_TRUE(names(problem({"--lanes=1", "--lanes=2"}), "lanes"));
    EXPECT_TRUE(names(problem({"--config", file("conf", "lanes = 1\nlanes = 1\n")}), "lanes"));
}

TEST_F(ConfigTest, TheHelpNamesEveryOption) {
    const std::string help = help_text(receiver_program());
    const std::string table = settings_table(receiver_program());
    for (const Setting &setting : receiver_program().settings) {
        EXPECT_TRUE(names(help, std::string("--") + setting.name)) << setting.name;
        EXPECT_EQ(names(table, std::string("| `") + setting.name), setting.group != command_group) << setting.name;
    }
}

TEST_F(ConfigTest, VariablesOfTheOtherProgramsAreNoSlip) {
    set("MSGSTATUS_CONSOLE_LISTEN", "127.0.0.1:1");
    set("MSGSTATUS_REFRESH_DATABASE", "other");
    set("MSGSTATUS_REFRESHED", "1");
    const Config config = load({});
    EXPECT_EQ(config.listen, (Endpoint{"127.0.0.1", 8080}));
    EXPECT_TRUE(warned({}, "MSGSTATUS_REFRESHED"));
    EXPECT_FALSE(warned({}, "MSGSTATUS_CONSOLE_LISTEN"));
    EXPECT_FALSE(warned({}, "MSGSTATUS_REFRESH_DATABASE"));
}

TEST_F(ConfigTest, NeverShowsAValue) {
    for (const std::vector<std::string> &flags : {std::vector<std::string>{"--meta-app-secret=hidden"},
                                                  {"--meta-app-secret", "hidden"},
                                                  {"--lanes=hidden"},
                                                  {"--allow-unsigned=hidden"},
                                                  {"--listen", "hidden"},
                                                  {"drain", "hidden"},
                                                  {"--lanes=1", "hidden"}})
        EXPECT_FALSE(names(problem(flags), "hidden")) << flags.front();
}

TEST(ParseEndpoint, KnowsNamesAndAddresses) {
    EXPECT_EQ(parse_endpoint("localhost:0"), (Endpoint{"localhost", 0}));
    EXPECT_EQ(parse_endpoint("[::1]:8080"), (Endpoint{"::1", 8080}));
    for (const char *text :
         {"", ":", ":8080", "host", "host:", "host:x", "host:-1", "host:65536", "::1:80", "host:80x"})
        EXPECT_EQ(parse_endpoint(text), std::nullopt) << text;
}

TEST_F(ConfigTest, ReadsSectionsOfWebhooks) {
    const std::string one = file("one", "first\n\nsecond\n");
    const std::string two = file("two", "third\n");
    const std::string path = file("conf", "lanes = 3\n[webhook ycloud]\nsecret-file = " + one +
                                              "\nsecret-file = " + two + "\nallow = 192.0.2.0/24\n[ webhook x]\n");
    EXPECT_TRUE(names(problem({"--config", path}), "[ webhook x]"));
    const std::string good =
        file("good", "lanes = 3\n[webhook ycloud]\nsecret-file = " + one + "\nsecret-file = " + two +
                         "\nallow = 192.0.2.0/24\n[webhook vonage]\n[webhook vonage-eu]\nprovider = vonage\n"
                         "[webhook aws-events]\nprovider = aws\nauth = header\nheader = x-api-key\n");
    set("MSGSTATUS_WEBHOOK_VONAGE_SECRET", "fourth");
    set("MSGSTATUS_WEBHOOK_VONAGE_SMS_SECRET_FILE", two);
    set("MSGSTATUS_WEBHOOK_VONAGE_SMS_DIGEST", "sha512");
    const Config config = load({"--config", good, "--allow-unsigned"});
    ASSERT_EQ(config.webhooks.size(), 5U);
    EXPECT_EQ(config.lanes, 3U);
    const auto &[aws, vonage, eu, sms, ycloud] =
        std::tie(config.webhooks[0], config.webhooks[1], config.webhooks[2], config.webhooks[3], config.webhooks[4]);
    EXPECT_EQ(aws.path, "/webhooks/aws-events");
    EXPECT_EQ(aws.source, "aws");
    EXPECT_EQ(aws.auth, Auth::header);
    EXPECT_EQ(aws.tolerance, 300) << "nothing of another method's";
    EXPECT_EQ(vonage.issuer, "Vonage");
    EXPECT_EQ(vonage.unsigned_status, 503U);
    EXPECT_EQ(eu.source, "vonage");
    EXPECT_EQ(eu.issuer, "Vonage");
    EXPECT_EQ(sms.digest, "sha512");
    EXPECT_EQ(ycloud.text, "{timestamp}.{body}");
    EXPECT_TRUE(ycloud.allowed.contains(*Address::parse("192.0.2.1")));
    using Lists = std::vector<std::vector<std::string>>;
    EXPECT_EQ(config.secrets.webhooks, (Lists{{}, {"fourth"}, {}, {"third"}, {"first", "second", "third"}}));
    EXPECT_TRUE(warned({"--config", good}, "no secret is set for meta, twilio, aisensy, aws-events, vonage-eu"));
    file("two", "fifth\n");
    EXPECT_EQ(reload_secrets(config).webhooks[3], (std::vector<std::string>{"fifth"}));
}

TEST_F(ConfigTest, TakesTheNamesThatSqlTakes) {
    const std::string longest = "0" + std::string(62, '_');
    const std::string path =
        file("conf", "[webhook my_shop]\nauth = query\n[webhook my-shop]\nauth = query\n[webhook " + longest +
                         "]\nauth = query\n");
    set("MSGSTATUS_WEBHOOK_MY__SHOP_SECRET", "of my_shop");
    set("MSGSTATUS_WEBHOOK_MY_SHOP_SECRET", "of my-shop");
    set("MSGSTATUS_WEBHOOK_SHOP___PARAMETER", "key"); // one underscore of the name, one before the setting
    set("MSGSTATUS_WEBHOOK_SHOP___AUTH", "query");
    set("MSGSTATUS_WEBHOOK_SHOP.1_SECRET", "s");
    const Config config = load({"--config", path});
    ASSERT_EQ(config.webhooks.size(), 4U);
    EXPECT_EQ(config.webhooks[0].path, "/webhooks/" + longest);
    EXPECT_EQ(config.webhooks[1].name, "my-shop");
    EXPECT_EQ(config.webhooks[2].name, "my_shop");
    EXPECT_EQ(config.webhooks[3].name, "shop_");
    EXPECT_EQ(config.webhooks[3].parameter, "key");
    EXPECT_EQ(config.secrets.webhooks, (std::vector<std::vector<std::string>>{{}, {"of my-shop"}, {"of my_shop"}, {}}));
    EXPECT_TRUE(warned({"--config", path}, "MSGSTATUS_WEBHOOK_SHOP.1_SECRET is no setting"));
}

TEST_F(ConfigTest, NamesWhatIsWrongInASection) {
    const auto wrong = [&](const std::string &text) { return problem({"--config", file("conf", text)}); };
    EXPECT_TRUE(names(wrong("[webhook]\n"), "no section: [webhook]"));
    EXPECT_TRUE(names(wrong("[webhook a/b]\n"), "no section"));
    EXPECT_TRUE(names(wrong("[webhook Vonage]\n"), "no section"));
    EXPECT_TRUE(names(wrong("[webhook _x]\n"), "no section"));
    EXPECT_TRUE(names(wrong("[webhook -x]\n"), "no section"));
    EXPECT_TRUE(names(wrong("[webhook " + std::string(64, 'x') + "]\n"), "no section"));
    EXPECT_TRUE(names(wrong("[lanes x]\n"), "no section"));
    EXPECT_TRUE(names(wrong("[webhook x]\nlanes = 3\n"), "webhook x lanes"));
    EXPECT_TRUE(names(wrong("[webhook x]\nsecret = s\n"), "webhook x secret"));
    EXPECT_TRUE(names(wrong("[webhook x]\nsource = s\n"), "webhook x source"));
    EXPECT_TRUE(names(wrong("[webhook meta]\n"), "built in"));
    EXPECT_TRUE(names(wrong("[webhook x]\n"), "webhook x: auth"));
    EXPECT_TRUE(names(wrong("[webhook x]\nauth = none\n"), "webhook x: auth"));
    EXPECT_TRUE(names(wrong("[webhook x]\nauth = hmac\n"), "webhook x: header"));
    EXPECT_TRUE(names(wrong("[webhook sinch]\ntext = {timestamp}\n"), "{body}"));
    EXPECT_TRUE(names(wrong("[webhook sinch]\ntext = {body}\n"), "{timestamp}"));
    EXPECT_TRUE(names(wrong("[webhook sinch]\ntext = {body}{timestamp}{id}\n"), "{id}"));
    EXPECT_TRUE(names(wrong("[webhook sinch]\ntext = {body}{timestamp}{url}\n"), "{url}"));
    EXPECT_TRUE(names(wrong("[webhook sinch]\ndigest = md5\n"), "digest"));
    EXPECT_TRUE(names(wrong("[webhook sinch]\nencoding = base32\n"), "encoding"));
    EXPECT_TRUE(names(wrong("[webhook sinch]\ntolerance = -1\n"), "tolerance"));
    EXPECT_TRUE(names(wrong("[webhook sinch]\ndigest = sha1\ndigest = sha512\n"), "more than once"));
    EXPECT_TRUE(names(wrong("[webhook sinch]\nallow = 192.0.2.1/24\n"), "webhook sinch: allow"));
    EXPECT_TRUE(names(wrong("[webhook aws]\n"), "topics"));
    EXPECT_TRUE(names(wrong("[webhook aws]\ntopics = a\nbody = any\n"), "body: must be json"));
    for (const std::string name : {"sinch", "vonage", "telnyx"})
        EXPECT_TRUE(names(wrong("[webhook " + name + "]\nbody = any\n"), "body: must be json or form")) << name;
    EXPECT_TRUE(names(wrong("[webhook wati]\nbody = xml\n"), "body: must be json, form or any"));
    EXPECT_TRUE(names(wrong("[webhook aws]\ntopics = a\ncertificate-file = " + file("key", "x\n") + "\n"), "PEM"));
    EXPECT_TRUE(names(wrong("[webhook sinch]\nsecret-file = " + file("none", "") + "\n"), "holds no secret"));
    EXPECT_TRUE(names(wrong("[webhook telnyx]\nsecret-file = " + file("key", "AAAA\n") + "\n"), "Ed25519"));
    EXPECT_TRUE(names(wrong("[webhook bird]\nsecret-file = " + file("key", "whsec_*\n") + "\n"), "base64"));
    EXPECT_TRUE(names(wrong("[webhook infobip]\nsecret-file = " + file("key", "password\n") + "\n"), "USER:PASSWORD"));
    set("MSGSTATUS_WEBHOOK_SINCH_SECRET", "s");
    EXPECT_TRUE(names(wrong("[webhook sinch]\nsecret-file = " + file("key", "x\n") + "\n"), "not both"));
}

} // namespace
} // namespace msgstatus::receiver
