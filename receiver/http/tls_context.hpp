// The certificate a listener shows, and how it speaks TLS.
#pragma once

#include <chrono>
#include <string>

#include <boost/asio/ssl/context.hpp>

namespace msgstatus::receiver {

/// TlsContext holds what the connections of a TLS listener share: TLS 1.2 and 1.3, forward secrecy and authenticated
/// encryption only, no renegotiation, HTTP/1.1 by ALPN. It never changes; another certificate is another TlsContext,
/// and connections keep the one they began with.
class TlsContext {
public:
    /// @param certificate_file  PEM: the certificate, then those between it and the root
    /// @param key_file  PEM, without a passphrase
    /// @throws std::runtime_error that names the file if it cannot be read, or if the two do not belong together
    TlsContext(const std::string &certificate_file, const std::string &key_file);

    boost::asio::ssl::context &context() noexcept { return context_; }

    /// Returns when the certificate expires.
    std::chrono::system_clock::time_point not_after() const noexcept { return not_after_; }

private:
    boost::asio::ssl::context context_{boost::asio::ssl::context::tls_server};
    std::chrono::system_clock::time_point not_after_;
};

} // namespace msgstatus::receiver
