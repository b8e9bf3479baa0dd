// Beast's parser, keeping only the header fields that the program looks at: no allocation for the others.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/version.hpp>

#include "http/buffer_budget.hpp"
#include "http/request.hpp"

namespace msgstatus::receiver {

/// RequestParser does fill a Request. Single-use: a connection makes a new one for each request.
///
/// How long a body is must have one meaning only (RFC 9112, section 6.3): one Content-Length, a plain number, or one
/// Transfer-Encoding, `chunked`, in HTTP/1.1. All else is refused, also where Beast or the RFC would allow it.
class RequestParser : public boost::beast::http::basic_parser<true> {
public:
    /// @param request  to be filled; must be clear and outlive the parser
    /// @param budget   that the body is charged to
    /// @param body_limit  bytes; longer bodies end in boost::beast::http::error::body_limit
    RequestParser(Request &request, BufferBudget &budget, std::size_t body_limit);

    /// put does take what has arrived, as Beast's function of that name does, up to the end of the head or beyond it. A
    /// head has the same limit, 16 KiB, in whatever pieces it arrives.
    /// @return  how many bytes were consumed; the others are to be given again, with what comes after them
    std::size_t put(boost::asio::const_buffer bytes, boost::beast::error_code &ec);

    /// discard_body does read over the body from now on without keeping it.
    void discard_body() noexcept { discard_body_ = true; }

    /// over_budget does tell whether parsing failed because the budget for bodies is used up.
    bool over_budget() const noexcept { return over_budget_; }

private:
    using error_code = boost::beast::error_code;
    using string_view = boost::beast::string_view;
    using field = boost::beast::http::field;

    void on_request_impl(boost::beast::http::verb method, string_view method_text, string_view target, int version,
                         error_code &ec) override;
    void on_response_impl(int code, string_view reason, int version, error_code &ec) override;
    void on_field_impl(field name, string_view name_text, string_view value, error_code &ec) override;
#if BOOST_BEAST_VERSION >= 359
    void on_trailer_field_impl(field name, string_view name_text, string_view value, error_code &ec) override;
#endif
    void on_header_impl(error_code &ec) override;
    void on_body_init_impl(const boost::optional<std::uint64_t> &length, error_code &ec) override;
    std::size_t on_body_impl(string_view piece, error_code &ec) override;
    void on_chunk_header_impl(std::uint64_t size, string_view extensions, error_code &ec) override;
    std::size_t on_chunk_body_impl(std::uint64_t remain, string_view piece, error_code &ec) override;
    void on_finish_impl(error_code &ec) override;

    Request &request_;
    BufferBudget &budget_;
    std::size_t head_bytes_ = 0; ///< consumed
    unsigned length_headers_ = 0;
    unsigned coding_headers_ = 0;
    bool header_seen_ = false;
    bool discard_body_ = false;
    bool over_budget_ = false;
};

} // namespace msgstatus::receiver
