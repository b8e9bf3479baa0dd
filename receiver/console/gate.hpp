// Who may ask for what before anybody is signed in: the host of a request, and where it was made.
#pragma once

#include <string>
#include <string_view>

#include "console/settings.hpp"
#include "http/request.hpp"

namespace msgstatus::receiver {

/// A gate refuses requests for other hosts (a name that somebody has pointed to this address, to read the page through
/// the browser of a person who is signed in) and those that another site has had a browser make.
class Gate {
public:
    explicit Gate(const ConsoleConfig &config);

    /// Notes the port in use, where any free one was asked for.
    void use_port(std::uint16_t port) { port_ = port; }

    /// Returns whether the host is that of --public-url or, without it, an IP address or localhost, and the port of the
    /// listener.
    bool is_own_host(std::string_view host) const;

    /// Returns whether a request that does something comes from the page: its Origin is the address of the request, or
    /// the browser says that the two are the same.
    bool is_same_origin(const BrowserHeaders &browser, std::string_view host) const;

private:
    std::string_view default_port() const { return is_https_ ? "443" : "80"; }
    std::string with_port(std::string_view host) const;

    std::string scheme_;      ///< of the listener
    std::string public_;      ///< the scheme and host of --public-url; empty if not set
    std::string public_host_; ///< with its port
    std::uint16_t port_ = 0;  ///< 0: of a Unix socket, which has none
    bool is_https_;
};

/// Returns the value of a cookie, empty if there is none or more than one.
std::string_view cookie_value(std::string_view cookies, std::string_view name);

/// The headers that all answers have: nothing is loaded, framed, sent or guessed but what the page needs from itself.
inline constexpr std::string_view security_headers = "Content-Security-Policy: default-src 'none'; script-src 'self'; "
                                                     "style-src 'self'; img-src 'self'; connect-src 'self'; "
                                                     "base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n"
                                                     "X-Content-Type-Options: nosniff\r\n"
                                                     "X-Frame-Options: DENY\r\n"
                                                     "Referrer-Policy: no-referrer\r\n"
                                                     "Cross-Origin-Opener-Policy: same-origin\r\n"
                                                     "Cross-Origin-Resource-Policy: same-origin\r\n"
                                                     "Permissions-Policy: camera=(), geolocation=(), microphone=()\r\n";

} // namespace msgstatus::receiver
