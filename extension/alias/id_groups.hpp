// Which ids are those of one message, and under which of them it is kept.
#pragma once

#include "alias/aliases.hpp"

namespace msgstatus {

// "These are two ids of one message", and which of them is the alias.
struct AliasPair {
    Text alias;
    Text message_id;
};

// The recipient of a message, as its row or a call says.
struct KnownRecipient {
    Text message_id;
    Text recipient;
};

// Why two ids cannot be those of one message.
enum class PairRefusal { none, other_recipient, too_many_ids };

constexpr std::size_t max_ids_of_message = 16;

// Which ids belong together, and under which of them the message is kept. It depends on the set of pairs alone, not on
// their order: ids that pairs connect are one message; it is kept under the smallest of those that no pair calls an
// alias, or if pairs call each of them one, under the smallest of all. See docs/decisions.
class IdGroups {
public:
    // `ids` are sorted and distinct, and hold all ids of `rows` and of the pairs to come; ids and rows must outlive the
    // groups. `recipients` are those of messages with these ids, sorted by both members.
    IdGroups(const Vector<Text> &ids, const Vector<Alias> &rows, const Vector<KnownRecipient> &recipients);

    // Returns why the ids of a pair cannot be those of one message.
    PairRefusal refusal_of(const AliasPair &pair) const;

    // Returns whether an operator said of one of the ids that it is no alias: forget_message_alias.
    bool has_forgotten(const AliasPair &pair) const;

    void add(const AliasPair &pair);

    // Decides under which id each message is kept; after the last pair.
    void settle();

    // Returns the id under which the message with this one is kept.
    Text message_of(Text id) const;

    // Returns the rows of message_alias that are new or change.
    Vector<Alias> changed_rows() const;

private:
    struct Member {
        std::uint32_t joined_to; // itself, if it is the first of its group, which is the smallest
        std::uint32_t kept;      // of the first: the one under whose id the message is kept
        bool is_alias;
        const Alias *row;
    };

    std::size_t index_of(Text id) const;
    std::size_t find(std::size_t i) const;
    void join(std::size_t a, std::size_t b);

    const Vector<Text> &ids_;
    Vector<KnownRecipient> recipients_;
    Vector<Member> members_;
};

} // namespace msgstatus
