// The parser of requests: the same request, or the same refusal, in whatever pieces it arrives. (Of a header that comes
// in pieces Beast may wait for the end before it refuses it. A chunk whose extension has no end it counts anew with
// each piece, until the body is too large.) The input is a byte that says where to cut, and what arrives.
#include "http/request_parser.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>

#include "support/fuzz.hpp"
#include "support/pieces.hpp"

using namespace msgstatus;
using namespace msgstatus::receiver;

namespace {

namespace http = boost::beast::http;

constexpr std::size_t body_limit = 4096;
constexpr std::size_t budget_limit = 1024;

struct Parsed {
    Request request;
    boost::beast::error_code error;
    bool done = false;
    bool keep_alive = false;
    bool over_budget = false;
    std::size_t consumed = 0;
};

Parsed parse(std::string_view bytes, std::uint8_t cut, BufferBudget &budget) {
    Parsed parsed;
    RequestParser parser(parsed.request, budget, body_limit);
    boost::beast::flat_buffer buffer;
    fuzz::for_each_piece(bytes, cut, [&](std::string_view piece) {
        const auto room = buffer.prepare(piece.size());
        std::copy(piece.begin(), piece.end(), static_cast<char *>(room.data()));
        buffer.commit(piece.size());
        while (!parsed.error && !parser.is_done() && buffer.size() > 0) {
            boost::beast::error_code error;
            const std::size_t used = parser.put(buffer.data(), error);
            FUZZ_CHECK(used <= buffer.size());
            buffer.consume(used);
            parsed.consumed += used;
            if (error == http::error::need_more)
                break;
            parsed.error = error;
            if (!error && parser.is_header_done())
                parser.eager(true);
        }
    });
    parsed.done = parser.is_done();
    parsed.keep_alive = parsed.done && parser.keep_alive();
    parsed.over_budget = parser.over_budget();
    return parsed;
}

void check_same(const Parsed &a, const Parsed &b) {
    FUZZ_CHECK(a.done == b.done && a.over_budget == b.over_budget);
    FUZZ_CHECK(a.error == b.error || !b.error || b.error == http::error::header_limit ||
               b.error == http::error::body_limit);
    if (!a.done)
        return;
    const Request &p = a.request;
    const Request &q = b.request;
    FUZZ_CHECK(a.consumed == b.consumed && a.keep_alive == b.keep_alive);
    FUZZ_CHECK(p.method == q.method && p.target == q.target && p.version == q.version);
    FUZZ_CHECK(p.host == q.host && p.host_headers == q.host_headers);
    FUZZ_CHECK(p.content_type == q.content_type && p.has_content_type == q.has_content_type);
    FUZZ_CHECK(p.content_encoding == q.content_encoding);
    FUZZ_CHECK(p.meta_signature == q.meta_signature && p.twilio_signature == q.twilio_signature &&
               p.aisensy_signature == q.aisensy_signature && p.signature_headers == q.signature_headers);
    FUZZ_CHECK(p.expects_continue == q.expects_continue && p.expects_other == q.expects_other);
    FUZZ_CHECK(p.body.text() == q.body.text());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    fuzz::Input input(fuzz::text_of(data, size));
    const std::uint8_t cut = input.byte();
    BufferBudget budget(budget_limit);
    BufferBudget other_budget(budget_limit);
    {
        const Parsed whole = parse(input.rest(), 0, budget);
        const Parsed pieces = parse(input.rest(), cut, other_budget);
        check_same(whole, pieces);
        FUZZ_CHECK(whole.request.body.text().size() <= budget_limit);
        FUZZ_CHECK(budget.used() == whole.request.body.text().size());
        FUZZ_CHECK(whole.request.path().size() + whole.request.query().size() <= whole.request.target.size());
    }
    FUZZ_CHECK(budget.used() == 0 && other_budget.used() == 0);
    return 0;
}
