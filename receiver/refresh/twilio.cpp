#include "refresh/twilio.hpp"

#include <algorithm>
#include <ctime>
#include <stdexcept>

#include "base/net.hpp"

namespace msgstatus::refresh {
namespace {

constexpr std::size_t message_limit = 64 * receiver::kibibyte;
constexpr std::size_t page_limit = 16 * receiver::mebibyte; // a thousand messages of 1600 characters, escaped
constexpr long longest_retry_after = 300;
constexpr std::string_view unknown_message = R"("code":20404)";

std::string messages_of(std::string_view account) {
    return "/2010-04-01/Accounts/" + std::string(account) + "/Messages";
}

// Whether the body of a 404 is Twilio's own: that of a proxy or of another server says nothing about a message.
bool is_twilios_404(std::string body) {
    std::erase_if(body, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
    return body.starts_with('{') && body.find(unknown_message) != std::string::npos;
}

Result result_of(long status, const std::string &body) {
    if (status == 200)
        return Result::ok;
    if (status == 401 || status == 403)
        return Result::refused;
    if (status == 404 && is_twilios_404(body))
        return Result::not_found;
    if (status == 429)
        return Result::throttled;
    return status >= 500 ? Result::server_error : Result::unusable;
}

} // namespace

Twilio::Twilio(Shared &shared) : shared_(shared) {
    CURL *curl = handle_.get();
    if (curl == nullptr)
        throw std::runtime_error("cannot use libcurl");
    const Config &config = shared_.config();
    bool done = true;
    const auto set = [&](CURLoption option, auto value) {
        done = curl_easy_setopt(curl, option, value) == CURLE_OK && done;
    };
    set(CURLOPT_PROTOCOLS_STR, "https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!config.ca_file.empty()) {
        set(CURLOPT_CAINFO, config.ca_file.c_str());
        set(CURLOPT_CAPATH, static_cast<char *>(nullptr));
    }
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_USERAGENT, "msgstatus-refresh/" MSGSTATUS_VERSION);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(config.timeout.count()));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_WRITEFUNCTION, &Twilio::take);
    set(CURLOPT_WRITEDATA, static_cast<void *>(this));
    set(CURLOPT_XFERINFOFUNCTION, &Twilio::watch);
    set(CURLOPT_XFERINFODATA, static_cast<void *>(this));
    set(CURLOPT_NOPROGRESS, 0L);
    if (!done)
        throw std::runtime_error("libcurl does not take a setting; it must speak https");
}

Answer Twilio::fetch(std::string_view account, std::string_view message) {
    return get(message_path(account, message), message_limit);
}

Answer Twilio::list(const std::string &path) {
    return get(path, page_limit);
}

Answer Twilio::get(const std::string &path, std::size_t limit) {
    CURL *curl = handle_.get();
    const Credentials credentials = shared_.credentials();
    body_.clear();
    limit_ = limit;
    too_large_ = false;
    curl_easy_setopt(curl, CURLOPT_URL, (shared_.config().twilio_url + path).c_str());
    curl_easy_setopt(curl, CURLOPT_USERNAME, credentials.key.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, credentials.secret.c_str());
    const CURLcode code = curl_easy_perform(curl);
    Answer answer;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    if (code != CURLE_OK) {
        answer.result = code == CURLE_OPERATION_TIMEDOUT ? Result::timeout
                        : too_large_                     ? Result::unusable
                                                         : Result::connection;
        answer.reason = too_large_ ? "the answer is too large" : curl_easy_strerror(code);
        answer.status = 0;
    } else {
        answer.result = result_of(answer.status, body_);
        if (answer.result != Result::ok)
            answer.reason = "HTTP " + std::to_string(answer.status);
        curl_off_t seconds = 0;
        if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0)
            answer.retry_after = std::chrono::seconds(std::min<curl_off_t>(seconds, longest_retry_after));
        if (answer.result == Result::ok) {
            answer.body = std::move(body_);
            shared_.metrics().last_answer = std::time(nullptr);
        }
    }
    shared_.metrics().count(answer.result);
    return answer;
}

std::size_t Twilio::take(char *data, std::size_t size, std::size_t count, void *user) {
    auto &self = *static_cast<Twilio *>(user);
    const std::size_t bytes = size * count;
    self.too_large_ = bytes > self.limit_ - self.body_.size();
    if (self.too_large_)
        return 0; // ends the transfer
    self.body_.append(data, bytes);
    return bytes;
}

int Twilio::watch(void *user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Twilio *>(user)->shared_.stopped() ? 1 : 0; // 1 ends the transfer
}

std::string message_path(std::string_view account, std::string_view message) {
    return messages_of(account) + "/" + std::string(message) + ".json";
}

std::string list_path(std::string_view account, std::string_view from, std::string_view to) {
    std::string path = messages_of(account) + ".json?PageSize=1000&DateSent%3E=" + std::string(from);
    return to.empty() ? path : path + "&DateSent%3C=" + std::string(to);
}

bool is_list_path(std::string_view account, std::string_view path) {
    return path.starts_with(messages_of(account) + ".json?") &&
           std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

} // namespace msgstatus::refresh
