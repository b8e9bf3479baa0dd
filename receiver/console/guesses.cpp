#include "console/guesses.hpp"

#include <algorithm>
#include <functional>

namespace msgstatus::receiver {
namespace {

constexpr Rate of_address{0.2, 20};
constexpr Rate of_name{0.1, 20};
constexpr Rate of_both{1 / 20.0, 5};
constexpr std::size_t most_known = 32; // addresses of a role

} // namespace

bool Guesses::knows(const std::string &role, const Address &client) const {
    const auto found = known_.find(role);
    return found != known_.end() &&
           std::find(found->second.begin(), found->second.end(), client.subscriber()) != found->second.end();
}

Clock::duration Guesses::wait(const std::string &role, const Address &client, Clock::time_point now) {
    const Clock::duration wait = std::max(by_address_.bucket_of(client).wait(of_address, now),
                                          by_both_.bucket_of(key_of(role, client)).wait(of_both, now));
    return knows(role, client) ? wait : std::max(wait, by_name_.bucket_of(key_of(role)).wait(of_name, now));
}

void Guesses::count(const std::string &role, const Address &client, Clock::time_point now) {
    by_address_.bucket_of(client).take(of_address, now);
    by_name_.bucket_of(key_of(role)).take(of_name, now);
    by_both_.bucket_of(key_of(role, client)).take(of_both, now);
}

void Guesses::was_none(const std::string &role, const Address &client) {
    by_address_.bucket_of(client).give_back(of_address);
    by_name_.bucket_of(key_of(role)).give_back(of_name);
    by_both_.bucket_of(key_of(role, client)).give_back(of_both);
}

void Guesses::remember(const std::string &role, const Address &client) {
    std::deque<std::uint64_t> &addresses = known_[role];
    std::erase(addresses, client.subscriber());
    addresses.push_front(client.subscriber());
    if (addresses.size() > most_known)
        addresses.pop_back();
}

} // namespace msgstatus::receiver
