#include "apply/unite_messages.hpp"

#include <new>

#include "alias/id_groups.hpp"
#include "apply/move_message.hpp"
#include "observation/fingerprint.hpp"
#include "postgres/deferred_triggers.hpp"
#include "postgres/prepared_statement.hpp"
#include "postgres/row_shape.hpp"
#include "postgres/subtransaction.hpp"
#include "postgres/text_array.hpp"
#include "reflect/message_lock.hpp"
#include "reflect/reflect_call.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "miscadmin.h"
}

namespace msgstatus {
namespace {

// OFFSET 0 makes the planner look up each id by the index. A plan of when a table was small would read the table.

// Recipients of campaigns are locked before messages, as a report of a send does, in the order of their ids.
PreparedStatement lock_recipients_statement(R"(
SELECT l.recipient_id::text
FROM (
    SELECT r.recipient_id, k.id
    FROM pg_catalog.unnest($1) AS k (id)
    CROSS JOIN LATERAL (SELECT c.recipient_id FROM msgstatus.campaign_recipient AS c WHERE c.message_id = k.id OFFSET 0) AS r
    ORDER BY r.recipient_id OFFSET 0
) AS f
CROSS JOIN LATERAL (
    SELECT c.recipient_id FROM msgstatus.campaign_recipient AS c
    WHERE c.recipient_id = f.recipient_id AND c.message_id = f.id
    FOR NO KEY UPDATE
) AS l)");

PreparedStatement find_recipients_statement(R"(
SELECT r.recipient_id::text
FROM pg_catalog.unnest($1) AS k (id)
CROSS JOIN LATERAL (SELECT c.recipient_id FROM msgstatus.campaign_recipient AS c WHERE c.message_id = k.id OFFSET 0) AS r
ORDER BY r.recipient_id)");

PreparedStatement sent_by_campaigns_statement(R"(
SELECT k.id FROM pg_catalog.unnest($1) AS k (id)
WHERE EXISTS (SELECT FROM msgstatus.campaign_recipient AS c WHERE c.message_id = k.id)
    OR EXISTS (SELECT FROM msgstatus.campaign_attempt AS c WHERE c.message_id = k.id)
ORDER BY k.id COLLATE "C")");

PreparedStatement recipients_statement(R"(
SELECT m.message_id, m.recipient
FROM pg_catalog.unnest($1) AS k (id)
CROSS JOIN LATERAL (SELECT r.message_id, r.recipient FROM msgstatus.message AS r WHERE r.message_id = k.id OFFSET 0) AS m
WHERE m.recipient IS NOT NULL
ORDER BY m.message_id)");

PreparedStatement known_messages_statement(R"(
SELECT m.message_id
FROM pg_catalog.unnest($1) AS k (id)
CROSS JOIN LATERAL (SELECT r.message_id FROM msgstatus.message AS r WHERE r.message_id = k.id OFFSET 0) AS m
ORDER BY m.message_id)");

Vector<Text> read_texts(PreparedStatement &statement, const Vector<Text> &ids) {
    statement.execute(TEXTARRAYOID, text_array_of(ids), latest_snapshot());
    check_result(std::array{ColumnShape{"id", TEXTOID}});
    Vector<Text> texts;
    for (std::uint64_t i = 0; i < SPI_tuptable->numvals; ++i) {
        bool is_null = false;
        const Datum value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null);
        texts.push(view_of(text_of(view_of(DatumGetTextPP(value)))));
    }
    SPI_freetuptable(SPI_tuptable);
    return texts;
}

bool are_equal(const Vector<Text> &a, const Vector<Text> &b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

bool are_equal(const Vector<Alias> &a, const Vector<Alias> &b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Alias &x, const Alias &y) {
        return x.alias == y.alias && x.message_id == y.message_id && x.is_alias == y.is_alias;
    });
}

// The ids of the messages that pairs tell of, all of each, and the rows of message_alias that hold these ids.
struct Family {
    Vector<Text> ids;
    Vector<Alias> rows;
};

Family family_of(const Vector<AliasPair> &pairs) {
    Family family;
    Vector<Text> named;
    for (const AliasPair &pair : pairs) {
        named.push(pair.alias);
        named.push(pair.message_id);
    }
    sort_and_distinct(named);
    family.rows = aliases_among(named);
    family.ids = messages_of(family.rows, named);
    for (const Alias &row : aliases_of(family.ids))
        family.ids.push(row.alias);
    for (const Text id : named)
        family.ids.push(id);
    sort_and_distinct(family.ids);
    if (family.ids.size() > named.size())
        family.rows = aliases_among(family.ids);
    return family;
}

// Returns the recipients of the messages with these ids, in their order: those of the rows, and of what the call says.
Vector<KnownRecipient> recipients_among(const Vector<Text> &ids, const Vector<KnownRecipient> &said) {
    Vector<KnownRecipient> recipients;
    recipients_statement.execute(TEXTARRAYOID, text_array_of(ids), latest_snapshot());
    check_result(std::array{ColumnShape{"message_id", TEXTOID}, ColumnShape{"recipient", TEXTOID}});
    const auto text_at = [](std::uint64_t row, int n) {
        bool is_null = false;
        const Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, n, &is_null);
        return view_of(text_of(view_of(DatumGetTextPP(value))));
    };
    for (std::uint64_t i = 0; i < SPI_tuptable->numvals; ++i)
        recipients.push({text_at(i, 1), text_at(i, 2)});
    SPI_freetuptable(SPI_tuptable);
    for (const KnownRecipient &r : said)
        if (std::binary_search(ids.begin(), ids.end(), r.message_id))
            recipients.push(r);
    std::sort(recipients.begin(), recipients.end(), [](const KnownRecipient &a, const KnownRecipient &b) {
        return a.message_id != b.message_id ? a.message_id < b.message_id : a.recipient < b.recipient;
    });
    return recipients;
}

// The reason of the dead letter.
const char *reason_of(PairRefusal refusal) {
    switch (refusal) {
    case PairRefusal::none:
        return nullptr;
    case PairRefusal::other_recipient:
        return "the message with its other id has another recipient; the status is kept";
    case PairRefusal::too_many_ids:
        return "the message would have more than 16 ids; the status is kept";
    }
    return nullptr;
}
constexpr const char *refused_by_tables = "the tables refuse to make one message of its two ids; the status is kept";

// Locks whatever belongs to the pairs, in the order of a call, with whatever the call goes on to lock. While this
// waits, others may find that the messages have more ids, which stand at other places of the order: then the locks are
// given away, and it begins anew. Families only grow, so it ends.
Family lock_family(const Vector<AliasPair> &pairs, const Vector<Text> &others) {
    auto *family = new (palloc(sizeof(Family))) Family(family_of(pairs));
    const MemoryContext context = CurrentMemoryContext;
    const auto messages_of_others = [&] {
        const bool are_of_family = std::includes(family->ids.begin(), family->ids.end(), others.begin(), others.end());
        return messages_of(are_of_family ? family->rows : aliases_among(others), others);
    };
    const auto lock = [&] {
        const Vector<Text> recipients = read_texts(lock_recipients_statement, family->ids);
        const Vector<Text> other_messages = messages_of_others();
        Vector<Text> ids;
        for (const Text id : family->ids)
            ids.push(id);
        for (const Text id : other_messages)
            ids.push(id);
        sort_and_distinct(ids);
        lock_messages_to_change(ids);
        const MemoryContext inner = MemoryContextSwitchTo(context);
        const Family now = family_of(pairs);
        const bool is_stable = are_equal(now.ids, family->ids) && are_equal(now.rows, family->rows) &&
                               are_equal(other_messages, messages_of_others()) &&
                               are_equal(recipients, read_texts(find_recipients_statement, now.ids));
        *family = now;
        MemoryContextSwitchTo(inner);
        return is_stable;
    };
    while (!attempt_or_undo(lock))
        CHECK_FOR_INTERRUPTS();
    return *family;
}

// Puts the messages of a family under the ids under which they are kept. Recipients follow even where there is no
// message yet.
void unite_all(const Vector<Text> &ids, const IdGroups &groups, RollupChanges &rollups) {
    for (const Text id : read_texts(known_messages_statement, ids))
        if (const Text kept = groups.message_of(id); kept != id)
            move_message(id, kept, rollups);
    for (const Text id : read_texts(sent_by_campaigns_statement, ids))
        if (const Text kept = groups.message_of(id); kept != id)
            move_sends(id, kept);
    reflect_known(ids);
}

Vector<Text> ids_of(const Vector<Observation> &observations) {
    Vector<Text> ids;
    for (const Observation &o : observations)
        ids.push(o.message_id);
    sort_and_distinct(ids);
    return ids;
}

// The pairs that message_alias does not hold yet.
Vector<AliasPair> unknown_of(const Vector<AliasPair> &pairs) {
    Vector<Text> ids;
    for (const AliasPair &pair : pairs) {
        ids.push(pair.alias);
        ids.push(pair.message_id);
    }
    sort_and_distinct(ids);
    const Vector<Alias> rows = aliases_among(ids);
    Vector<AliasPair> unknown;
    for (const AliasPair &pair : pairs) {
        const auto *row = std::lower_bound(rows.begin(), rows.end(), pair.alias,
                                           [](const Alias &a, Text id) { return a.alias < id; });
        const bool is_known = row != rows.end() && row->alias == pair.alias && row->is_alias &&
                              row->message_id == message_of(rows, pair.message_id);
        if (!is_known)
            unknown.push(pair);
    }
    return unknown;
}

// Takes in the pairs for which accept(groups, pair) holds.
template <typename Accept>
void learn(const Vector<AliasPair> &pairs, const Vector<Text> &others, const Vector<KnownRecipient> &said,
           RollupChanges &rollups, Accept accept) {
    const Family family = lock_family(pairs, others);
    IdGroups groups(family.ids, family.rows, recipients_among(family.ids, said));
    bool is_any_accepted = false;
    for (const AliasPair &pair : pairs)
        if (accept(groups, pair)) {
            groups.add(pair);
            is_any_accepted = true;
        }
    if (!is_any_accepted)
        return;
    groups.settle();
    write_aliases(groups.changed_rows());
    unite_all(family.ids, groups, rollups);
}

// May an error go by itself, or is it the server's? All else fails as often as it is tried: it is that of constraints
// and triggers of the user's.
bool may_pass(const ErrorData &error) {
    switch (ERRCODE_TO_CATEGORY(error.sqlerrcode)) {
    case ERRCODE_CONNECTION_EXCEPTION:
    case ERRCODE_INVALID_TRANSACTION_STATE:
    case ERRCODE_TRANSACTION_ROLLBACK:
    case ERRCODE_INSUFFICIENT_RESOURCES:
    case ERRCODE_OPERATOR_INTERVENTION:
    case ERRCODE_SYSTEM_ERROR:
    case ERRCODE_INTERNAL_ERROR:
        return true;
    default:
        return error.sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
    }
}

// Calls body() in a subtransaction with what it defers: at commit, an error would be that of the call. Returns the
// error that constraints and triggers of the user's raise.
template <typename Body>
const ErrorData *attempt_against_tables(RollupChanges &rollups, Body body) {
    const std::size_t size = rollups.size();
    ErrorData *error = attempt([&] {
        const Vector<Oid> pending = relations_with_pending_triggers(Deferred::any);
        body();
        run_triggers_deferred_since(pending, Deferred::any);
    });
    if (error == nullptr)
        return nullptr;
    if (may_pass(*error))
        ReThrowError(error);
    rollups.truncate(size);
    return error;
}

// The pairs that the observations of a call name, and what becomes of each.
class LearningCall {
public:
    LearningCall(Vector<Observation> &observations, RollupChanges &rollups)
        : observations_(observations), rollups_(rollups) {}

    void run() {
        Vector<AliasPair> pairs;
        for (const Observation &o : observations_) {
            const bool repeats =
                !pairs.empty() && pairs.back().alias == o.alias && pairs.back().message_id == o.message_id;
            if (!o.alias.empty() && !repeats)
                pairs.push({o.alias, o.message_id});
        }
        if (pairs.empty() || !can_keep_aliases())
            return;
        const Vector<AliasPair> unknown = unknown_of(pairs);
        if (unknown.empty())
            return;
        for (const Observation &o : observations_)
            if (!o.facts.recipient.empty())
                said_.push({o.message_id, o.facts.recipient});
        const auto learn_all = [&] { learn_those(unknown, ids_of(observations_)); };
        const ErrorData *error = attempt_against_tables(rollups_, learn_all);
        if (error != nullptr)
            learn_each(unknown, *error);
    }

private:
    // Together they raised an error. All are locked first, so that one by one they keep to the order of locks.
    void learn_each(const Vector<AliasPair> &pairs, const ErrorData &error) {
        for (Observation &o : observations_)
            o.refusal = nullptr;
        if (pairs.size() == 1)
            return refuse(pairs[0], refused_by_tables, error.message);
        (void)attempt_against_tables(rollups_, [&] { (void)lock_family(pairs, ids_of(observations_)); });
        for (const AliasPair &pair : pairs) {
            Vector<AliasPair> one;
            one.push(pair);
            one = unknown_of(one);
            if (one.empty())
                continue;
            const ErrorData *again = attempt_against_tables(rollups_, [&] { learn_those(one, {}); });
            if (again != nullptr)
                refuse(pair, refused_by_tables, again->message);
        }
    }

    void learn_those(const Vector<AliasPair> &pairs, const Vector<Text> &others) {
        learn(pairs, others, said_, rollups_, [&](const IdGroups &groups, const AliasPair &pair) {
            if (groups.has_forgotten(pair))
                return false;
            const char *refusal = reason_of(groups.refusal_of(pair));
            if (refusal != nullptr)
                refuse(pair, refusal, nullptr);
            return refusal == nullptr;
        });
    }

    void refuse(const AliasPair &pair, const char *refusal, const char *error) {
        for (Observation &o : observations_)
            if (o.alias == pair.alias && o.message_id == pair.message_id) {
                o.refusal = refusal;
                o.refusal_error = error;
            }
    }

    Vector<Observation> &observations_;
    RollupChanges &rollups_;
    Vector<KnownRecipient> said_;
};

} // namespace

void learn_alias(const AliasPair &pair, Text recipient, RollupChanges &rollups) {
    Vector<AliasPair> pairs;
    pairs.push(pair);
    const Vector<AliasPair> unknown = unknown_of(pairs);
    if (unknown.empty())
        return;
    Vector<KnownRecipient> said;
    if (!recipient.empty())
        said.push({pair.message_id, recipient});
    learn(unknown, {}, said, rollups, [](const IdGroups &groups, const AliasPair &p) {
        switch (groups.refusal_of(p)) {
        case PairRefusal::none:
            break;
        case PairRefusal::other_recipient:
            ereport(ERROR,
                    (errcode(ERRCODE_CHECK_VIOLATION), errmsg("messages with different recipients cannot become one")));
        case PairRefusal::too_many_ids:
            ereport(ERROR,
                    (errcode(ERRCODE_CHECK_VIOLATION), errmsg("a message has at most %zu ids", max_ids_of_message)));
        }
        return true;
    });
}

bool forget_alias(Text id) {
    Vector<Text> ids;
    ids.push(id);
    const Text message_id = message_of(aliases_among(ids), id);
    if (message_id == id)
        return false;
    Vector<AliasPair> pairs;
    pairs.push({id, message_id});
    const Family family = lock_family(pairs, {});
    if (message_of(family.rows, id) == id)
        return false;
    write_forgotten_alias(id);
    return true;
}

void learn_aliases_of(Vector<Observation> &observations, RollupChanges &rollups) {
    LearningCall(observations, rollups).run();
}

void resolve_aliases(Vector<Observation> &observations) {
    if (!may_have_aliases())
        return;
    const Vector<Alias> aliases = aliases_among(ids_of(observations));
    if (aliases.empty())
        return;
    for (Observation &o : observations) {
        const Text message_id = message_of(aliases, o.message_id);
        if (message_id == o.message_id)
            continue;
        o.message_id = message_id;
        o.fingerprint = fingerprint_of(o);
    }
}

bool have_moved(const Vector<Text> &ids) {
    const Vector<Alias> aliases = aliases_among(ids);
    return std::any_of(aliases.begin(), aliases.end(), [](const Alias &a) { return a.alias != a.message_id; });
}

void unite_written(const Vector<Text> &written, RollupChanges &rollups) {
    if (!may_have_aliases())
        return;
    Vector<Text> ids = written;
    for (;;) {
        Vector<Alias> moved;
        for (const Alias &row : aliases_among(ids))
            if (row.alias != row.message_id)
                moved.push(row);
        if (moved.empty())
            return;
        Vector<Text> kept;
        for (const Alias &row : moved)
            kept.push(row.message_id);
        sort_and_distinct(kept);
        // Late, and so perhaps out of order; but only where the first alias of all became known meanwhile.
        lock_messages_to_change(kept);
        for (const Alias &row : moved) {
            move_message(row.alias, row.message_id, rollups);
            move_sends(row.alias, row.message_id);
        }
        Vector<Text> shown = kept;
        for (const Alias &row : aliases_of(kept))
            shown.push(row.alias);
        sort_and_distinct(shown);
        reflect_known(shown);
        // While this waited, these may have become aliases in their turn.
        ids = kept;
    }
}

} // namespace msgstatus
