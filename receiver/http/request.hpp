// A request as far as the program looks at it.
#pragma once

#include <cstdint>
#include <ostream> // Boost 1.74 forgets it
#include <string>
#include <string_view>

#include <boost/beast/http/verb.hpp>

#include "access/address.hpp"
#include "http/buffer_budget.hpp"

namespace msgstatus::receiver {

struct Request {
    std::string id; ///< tells it from all others in the log
    boost::beast::http::verb method = boost::beast::http::verb::unknown;
    std::string target; ///< as received; of a request that is handled, path and query
    int version = 11;   ///< 10 or 11

    Address client; ///< who sent it, as far as trusted proxies tell
    std::string host;
    std::string proxy_id;      ///< X-Request-Id
    std::string forwarded_for; ///< every X-Forwarded-For, in order
    std::string content_type;
    std::string content_encoding;
    std::string meta_signature;
    std::string twilio_signature;
    std::string twilio_settings; ///< X-Twilio-Webhooks-Signature-Settings: which key and digest signed
    std::string aisensy_signature;
    unsigned host_headers = 0;
    unsigned signature_headers = 0; ///< of all kinds; the same one twice is ambiguous
    bool has_content_type = false;
    bool expects_continue = false;
    bool expects_other = false;

    BufferedBody body;

    std::string_view path() const noexcept { return std::string_view(target).substr(0, target.find('?')); }
    std::string_view query() const noexcept {
        const std::size_t question = target.find('?');
        return question == std::string::npos ? std::string_view() : std::string_view(target).substr(question + 1);
    }

    /// clear does empty all fields; strings keep their memory, if it is little, for the next request of the connection.
    void clear() noexcept {
        method = boost::beast::http::verb::unknown;
        version = 11;
        for (std::string *text : {&id, &target, &host, &proxy_id, &forwarded_for, &content_type, &content_encoding,
                                  &meta_signature, &twilio_signature, &twilio_settings, &aisensy_signature})
            empty(*text);
        client = {};
        host_headers = 0;
        signature_headers = 0;
        has_content_type = false;
        expects_continue = false;
        expects_other = false;
        body.reset();
    }

private:
    static void empty(std::string &text) noexcept {
        constexpr std::size_t most_kept = 512;
        if (text.capacity() > most_kept)
            std::string().swap(text);
        text.clear();
    }
};

} // namespace msgstatus::receiver
