// The whole way of a request on the webhook listener, but for the database: bytes arrive on a connection, answers come
// back. Nothing that arrives may leave a connection hanging, a byte of the budget charged, or a request unanswered; the
// pieces in which it arrives make no difference; and what is taken for a webhook is the body of a request by the
// strictest reading, so that no program in front can have seen another request in it.
//
// The input is a byte that chooses the settings and how the client ends, a byte that says where to cut, and what
// arrives.
#include "support/client.hpp"
#include "support/framing.hpp"
#include "support/fuzz.hpp"
#include "support/listener.hpp"
#include "support/pieces.hpp"
#include "support/responses.hpp"
#include "webhook/form.hpp"

using namespace msgstatus;

namespace {

enum class Ending { finished, silent, broken };

fuzz::Listener &listener_of(unsigned choice) {
    static fuzz::Listener open(fuzz::Listener::takes_anything);
    static fuzz::Listener strict(fuzz::Listener::wants_signatures);
    return choice == 0 ? open : strict;
}

struct Exchange {
    std::string answers; // but for interim ones, and without what makes each one different
    std::vector<unsigned> statuses;
};

// In the order of the requests, some of which are refused. A form is taken as JSON.
void check_taken(const std::vector<std::string> &taken, const std::vector<std::string> &bodies) {
    auto body = bodies.begin();
    for (const std::string &webhook : taken) {
        body = std::find_if(body, bodies.end(), [&](const std::string &candidate) {
            const auto form = receiver::decode_form(candidate);
            return candidate == webhook || (form && receiver::form_to_json(*form) == webhook);
        });
        FUZZ_CHECK(body != bodies.end());
        ++body;
    }
}

// Lets a client talk to the listener and checks that it ends as it should.
Exchange exchange(fuzz::Listener &listener, std::string_view bytes, std::uint8_t cut, Ending ending) {
    listener.begin();
    fuzz::Client client(listener);
    fuzz::for_each_piece(bytes, cut, [&](std::string_view piece) { client.send(piece); });
    if (ending == Ending::finished)
        client.finish();
    else if (ending == Ending::silent)
        client.stay_silent();
    else
        client.break_off();
    FUZZ_CHECK(client.session_ended());
    FUZZ_CHECK(listener.bytes_buffered() == 0);
    check_taken(listener.taken(), fuzz::Framing(bytes).bodies());
    if (ending != Ending::broken) // who breaks off gets what happened to be on its way
        fuzz::check_responses(client.received(), listener.answered());
    return {fuzz::without_ids(fuzz::without_interim_responses(client.received())), listener.answered()};
}

// Of a header that comes in pieces Beast looks for the end before it refuses it. If that does not come, there is no
// answer, or that the header was too long, or took too long. A chunk may be malformed and too large, and either be
// said.
std::vector<unsigned> without_refusal(std::vector<unsigned> statuses) {
    constexpr std::array refusals = {400U, 408U, 413U, 431U, 505U};
    if (!statuses.empty() && std::find(refusals.begin(), refusals.end(), statuses.back()) != refusals.end())
        statuses.pop_back();
    return statuses;
}

bool agree(const Exchange &pieces, const Exchange &whole) {
    return pieces.answers == whole.answers || pieces.statuses == without_refusal(whole.statuses) ||
           without_refusal(pieces.statuses) == without_refusal(whole.statuses);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    fuzz::Input input(fuzz::text_of(data, size));
    const std::uint8_t choice = input.byte();
    const std::uint8_t cut = input.byte();
    fuzz::Listener &listener = listener_of(choice & 1U);
    const auto ending = static_cast<Ending>((choice >> 1U) % 3U);

    const Exchange pieces = exchange(listener, input.rest(), cut, ending);
    if (ending == Ending::broken || cut == 0)
        return 0;
    const Exchange whole = exchange(listener, input.rest(), 0, ending);
    FUZZ_CHECK(agree(pieces, whole));
    return 0;
}
