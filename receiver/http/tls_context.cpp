#include "http/tls_context.hpp"

#include <ctime>
#include <stdexcept>
#include <system_error>

#include <openssl/err.h>
#include <openssl/x509.h>

namespace msgstatus::receiver {
namespace {

[[noreturn]] void fail(const std::string &what) {
    const unsigned long error = ERR_peek_error(); // the first, nearest to the cause
    const char *reason = ERR_SYSTEM_ERROR(error) ? nullptr : ERR_reason_error_string(error);
    const std::string text = ERR_SYSTEM_ERROR(error) ? std::generic_category().message(ERR_GET_REASON(error))
                             : reason != nullptr     ? reason
                                                     : "OpenSSL does not say why";
    ERR_clear_error();
    throw std::runtime_error(what + ": " + text);
}

// Answers ALPN (RFC 7301): HTTP/1.1 or nothing.
int select_protocol(SSL *, const unsigned char **chosen, unsigned char *chosen_size, const unsigned char *offered,
                    unsigned offered_size, void *) {
    static constexpr unsigned char http_1_1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char *match = nullptr;
    if (SSL_select_next_proto(&match, chosen_size, http_1_1, sizeof http_1_1, offered, offered_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = match;
    return SSL_TLSEXT_ERR_OK;
}

} // namespace

TlsContext::TlsContext(const std::string &certificate_file, const std::string &key_file) {
    ERR_clear_error();
    SSL_CTX *const context = context_.native_handle();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    // What clients of the last ten years speak, and no more; TLS 1.3 has its own list, in which nothing is weak.
    if (SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        fail("the ciphers for TLS 1.2");
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); // clients resume by tickets, which cost no memory here
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    // A program without a terminal can ask nobody for the passphrase of a key.
    SSL_CTX_set_default_passwd_cb(context, [](char *, int, int, void *) { return -1; });
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1)
        fail("tls-cert: cannot use the file " + certificate_file);
    if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        fail("tls-key: cannot use the file " + key_file);
    std::tm parts{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(context)), &parts) != 1)
        fail("the certificate's time of expiry");
    not_after_ = std::chrono::system_clock::from_time_t(timegm(&parts));
}

} // namespace msgstatus::receiver
