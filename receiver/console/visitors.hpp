// Who is signed in.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/net.hpp"
#include "console/line.hpp"

namespace msgstatus::receiver {

/// A person who is signed in. The connection is all there is of the session: when it goes, so does the session.
struct Visitor {
    std::shared_ptr<Line> line;
    std::string role;
    Clock::time_point began = Clock::now();
    Clock::time_point active = began;
};

/// Visitors keeps those who are signed in, by a key: of a token only its hash is known here, so that nobody who can
/// read the memory, or a dump of it, has tokens; whom a proxy has signed in is known by name.
class Visitors {
public:
    /// @param most_of_role  sessions of one role, so that nobody can take all places
    Visitors(std::chrono::milliseconds idle, std::chrono::milliseconds length, std::size_t most,
             std::size_t most_of_role)
        : idle_(idle), length_(length), most_(most), most_of_role_(std::min(most, most_of_role)) {}

    static std::string key_of_token(std::string_view token);
    static std::string key_of_user(std::string_view user) { return "user:" + std::string(user); }

    /// Returns a token, 256 bits at random.
    static std::string new_token();

    /// Returns whether a role may have one session more, if another one ends for it where there must be: that of the
    /// key, or the role's own.
    bool has_room(const std::string &role, const std::string &key) const;

    /// Ends those of the role's sessions that were not used for the longest, so that it may have one more.
    void make_room(const std::string &role);
    std::size_t size() const noexcept { return visitors_.size(); }

    void add(const std::string &key, std::shared_ptr<Visitor> visitor) { visitors_[key] = std::move(visitor); }

    /// Returns the visitor, or null if there is none, or no longer.
    std::shared_ptr<Visitor> find(const std::string &key);

    /// Closes the connection and forgets the visitor; nothing happens if there is none.
    void remove(const std::string &key);

    /// Removes those whose time is over, or whose connection is lost.
    void sweep();
    void clear();

private:
    bool is_over(const Visitor &visitor, Clock::time_point now) const {
        return now - visitor.active >= idle_ || now - visitor.began >= length_;
    }

    std::size_t of_role(const std::string &role) const;

    std::chrono::milliseconds idle_;
    std::chrono::milliseconds length_;
    std::size_t most_;
    std::size_t most_of_role_;
    std::map<std::string, std::shared_ptr<Visitor>> visitors_;
};

} // namespace msgstatus::receiver
