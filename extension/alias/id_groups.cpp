#include "alias/id_groups.hpp"

#include "core/ascii.hpp"

namespace msgstatus {
namespace {

bool is_number(Text address) {
    return address.size() > 1 && address[0] == '+' && std::all_of(address.begin() + 1, address.end(), is_digit);
}

// May two recipients be one person? A number may be written with and without a digit after the code of the country
// (Argentina, Brazil, Mexico), and a number says nothing of an id that is none.
bool may_be_one(Text a, Text b) {
    constexpr std::size_t country = 3; // with the plus sign
    constexpr std::size_t subscriber = 8;
    if (a == b || is_number(a) != is_number(b))
        return true;
    return is_number(a) && std::min(a.size(), b.size()) >= country + subscriber &&
           a.substr(0, country) == b.substr(0, country) &&
           a.substr(a.size() - subscriber) == b.substr(b.size() - subscriber);
}

bool is_forgotten(const Alias &row) {
    return row.alias == row.message_id && !row.is_alias;
}

} // namespace

IdGroups::IdGroups(const Vector<Text> &ids, const Vector<Alias> &rows, const Vector<KnownRecipient> &recipients)
    : ids_(ids), recipients_(recipients) {
    for (std::size_t i = 0; i < ids_.size(); ++i)
        members_.push({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i), false, nullptr});
    for (const Alias &row : rows) {
        Member &member = members_[index_of(row.alias)];
        member.row = &row;
        member.is_alias = row.is_alias;
        join(index_of(row.alias), index_of(row.message_id));
    }
}

PairRefusal IdGroups::refusal_of(const AliasPair &pair) const {
    const std::size_t a = find(index_of(pair.alias));
    const std::size_t b = find(index_of(pair.message_id));
    if (a == b)
        return PairRefusal::none;
    std::size_t size = 0;
    for (std::size_t i = 0; i < members_.size(); ++i)
        size += find(i) == a || find(i) == b ? 1 : 0;
    if (size > max_ids_of_message)
        return PairRefusal::too_many_ids;
    for (const KnownRecipient &x : recipients_)
        if (find(index_of(x.message_id)) == a)
            for (const KnownRecipient &y : recipients_)
                if (find(index_of(y.message_id)) == b && !may_be_one(x.recipient, y.recipient))
                    return PairRefusal::other_recipient;
    return PairRefusal::none;
}

bool IdGroups::has_forgotten(const AliasPair &pair) const {
    const auto is_so = [&](Text id) {
        const Alias *row = members_[index_of(id)].row;
        return row != nullptr && is_forgotten(*row);
    };
    return is_so(pair.alias) || is_so(pair.message_id);
}

void IdGroups::add(const AliasPair &pair) {
    const std::size_t alias = index_of(pair.alias);
    members_[alias].is_alias = true;
    join(alias, index_of(pair.message_id));
}

void IdGroups::settle() {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        Member &first = members_[find(i)];
        if (members_[first.kept].is_alias && !members_[i].is_alias)
            first.kept = static_cast<std::uint32_t>(i);
    }
}

Text IdGroups::message_of(Text id) const {
    return ids_[members_[find(index_of(id))].kept];
}

Vector<Alias> IdGroups::changed_rows() const {
    Vector<Alias> rows;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const Member &member = members_[i];
        const Alias row{ids_[i], message_of(ids_[i]), member.is_alias};
        if (member.row == nullptr ? row.message_id != row.alias || row.is_alias
                                  : row.message_id != member.row->message_id || row.is_alias != member.row->is_alias)
            rows.push(row);
    }
    return rows;
}

std::size_t IdGroups::index_of(Text id) const {
    return static_cast<std::size_t>(std::lower_bound(ids_.begin(), ids_.end(), id) - ids_.begin());
}

std::size_t IdGroups::find(std::size_t i) const {
    while (members_[i].joined_to != i)
        i = members_[i].joined_to;
    return i;
}

void IdGroups::join(std::size_t a, std::size_t b) {
    a = find(a);
    b = find(b);
    members_[std::max(a, b)].joined_to = static_cast<std::uint32_t>(std::min(a, b));
}

} // namespace msgstatus
