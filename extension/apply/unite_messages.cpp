#include "apply/unite_messages.hpp"

#include <new>

#include "alias/aliases.hpp"
#include "core/ascii.hpp"
#include "message/known_events_datum.hpp"
#include "message/merge_sql.hpp"
#include "message/written_message.hpp"
#include "observation/fingerprint.hpp"
#include "postgres/deferred_triggers.hpp"
#include "postgres/prepared_statement.hpp"
#include "postgres/row_shape.hpp"
#include "postgres/subtransaction.hpp"
#include "postgres/text_array.hpp"
#include "reflect/message_lock.hpp"
#include "reflect/reflect_call.hpp"
#include "trail/trail.hpp"
#include "types/delivery_state_datum.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
}

namespace msgstatus {
namespace {

// The recipient of a message, as its row or the call says.
struct KnownRecipient {
    Text message_id;
    Text recipient;
};

// Recipients of campaigns are locked before messages, as a report of a send does.
PreparedStatement lock_recipients_statement(R"(
SELECT r.recipient_id::text
FROM pg_catalog.unnest($1) AS k (id) JOIN msgstatus.campaign_recipient AS r ON r.message_id = k.id
ORDER BY r.recipient_id FOR NO KEY UPDATE OF r)");

PreparedStatement find_recipients_statement(R"(
SELECT r.recipient_id::text
FROM pg_catalog.unnest($1) AS k (id) JOIN msgstatus.campaign_recipient AS r ON r.message_id = k.id
ORDER BY r.recipient_id)");

// Where both ids were recorded as sends, these stay two.
PreparedStatement move_recipient_statement(R"(
UPDATE msgstatus.campaign_recipient AS r SET message_id = $2
WHERE r.message_id = $1
    AND NOT EXISTS (SELECT FROM msgstatus.campaign_recipient AS o WHERE o.message_id = $2)
    AND NOT EXISTS (SELECT FROM msgstatus.campaign_attempt AS o WHERE o.message_id = $2))");

PreparedStatement move_attempt_statement(R"(
UPDATE msgstatus.campaign_attempt AS a SET message_id = $2
WHERE a.message_id = $1
    AND NOT EXISTS (SELECT FROM msgstatus.campaign_recipient AS o WHERE o.message_id = $2)
    AND NOT EXISTS (SELECT FROM msgstatus.campaign_attempt AS o WHERE o.message_id = $2))");

PreparedStatement recipients_statement(R"(
SELECT m.message_id, m.recipient
FROM pg_catalog.unnest($1) AS k (id) JOIN msgstatus.message AS m ON m.message_id = k.id
WHERE m.recipient IS NOT NULL
ORDER BY m.message_id)");

PreparedStatement known_messages_statement(R"(
SELECT m.message_id FROM pg_catalog.unnest($1) AS k (id) JOIN msgstatus.message AS m ON m.message_id = k.id
ORDER BY m.message_id)");

PreparedStatement take_events_statement(R"(
DELETE FROM msgstatus.status_event AS e WHERE e.message_id = $1
RETURNING e.state, e.event_time, e.received_at, e.time_source, e.source, e.participant, e.error_code, e.error_title,
    e.error_details, e.detail, e.digest)");

constexpr std::array event_columns{
    ColumnShape{"state", InvalidOid, "delivery_state"},
    ColumnShape{"event_time", TIMESTAMPTZOID},
    ColumnShape{"received_at", TIMESTAMPTZOID},
    ColumnShape{"time_source", TEXTOID},
    ColumnShape{"source", TEXTOID},
    ColumnShape{"participant", TEXTOID},
    ColumnShape{"error_code", INT4OID},
    ColumnShape{"error_title", TEXTOID},
    ColumnShape{"error_details", TEXTOID},
    ColumnShape{"detail", JSONBOID},
    ColumnShape{"digest", INT4OID},
};

const char *read_text() {
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfoString(&sql, "SELECT ");
    append_written_columns(&sql);
    appendStringInfoString(&sql, " FROM msgstatus.message AS m WHERE m.message_id = $1");
    return sql.data;
}

// Made when they are first needed, and kept for the backend's life.
struct Statements {
    PreparedStatement read;
    PreparedStatement unite;
    PreparedStatement rename;
};
std::optional<Statements> made_statements;

Statements &statements() {
    if (!made_statements) {
        const MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
        const Statements made{PreparedStatement(read_text()), PreparedStatement(unite_text()),
                              PreparedStatement(rename_text())};
        MemoryContextSwitchTo(caller);
        made_statements.emplace(made);
    }
    return *made_statements;
}

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
    family.ids = messages_of(aliases_among(named), named);
    for (const Alias &row : aliases_of(family.ids))
        family.ids.push(row.alias);
    for (const Text id : named)
        family.ids.push(id);
    sort_and_distinct(family.ids);
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

constexpr std::size_t max_ids = 16;

constexpr const char *other_recipient = "the message with its other id has another recipient; the status is kept";
constexpr const char *too_many_ids = "the message would have more than 16 ids; the status is kept";
constexpr const char *refused_by_tables = "the tables refuse to make one message of its two ids; the status is kept";

// Somebody said that this id is no alias: forget_alias.
bool is_forgotten(const Alias &row) {
    return row.alias == row.message_id && !row.is_alias;
}

// Which ids belong together, and under which of them the message is kept. It depends on the set of pairs alone, not on
// their order: ids that pairs connect are one message; it is kept under the smallest of those that no pair calls an
// alias, or if pairs call each of them one, under the smallest of all. See docs/decisions.
class Union {
public:
    Union(const Family &family, const Vector<KnownRecipient> &said)
        : ids_(family.ids), recipients_(recipients_among(family.ids, said)) {
        for (std::size_t i = 0; i < ids_.size(); ++i)
            members_.push({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i), false, nullptr});
        for (const Alias &row : family.rows) {
            Member &member = members_[index_of(row.alias)];
            member.row = &row;
            member.is_alias = row.is_alias;
            join(index_of(row.alias), index_of(row.message_id));
        }
    }

    // Returns why the ids of a pair cannot be those of one message; nullptr if they can.
    const char *refusal_of(const AliasPair &pair) const {
        const std::size_t a = find(index_of(pair.alias));
        const std::size_t b = find(index_of(pair.message_id));
        if (a == b)
            return nullptr;
        std::size_t size = 0;
        for (std::size_t i = 0; i < members_.size(); ++i)
            size += find(i) == a || find(i) == b ? 1 : 0;
        if (size > max_ids)
            return too_many_ids;
        for (const KnownRecipient &x : recipients_)
            if (find(index_of(x.message_id)) == a)
                for (const KnownRecipient &y : recipients_)
                    if (find(index_of(y.message_id)) == b && !may_be_one(x.recipient, y.recipient))
                        return other_recipient;
        return nullptr;
    }

    bool has_forgotten(const AliasPair &pair) const {
        const auto is_so = [&](Text id) {
            const Alias *row = members_[index_of(id)].row;
            return row != nullptr && is_forgotten(*row);
        };
        return is_so(pair.alias) || is_so(pair.message_id);
    }

    void add(const AliasPair &pair) {
        const std::size_t alias = index_of(pair.alias);
        members_[alias].is_alias = true;
        join(alias, index_of(pair.message_id));
    }

    // Decides under which id each message is kept; after the last pair.
    void settle() {
        for (std::size_t i = 0; i < members_.size(); ++i) {
            Member &first = members_[find(i)];
            if (members_[first.kept].is_alias && !members_[i].is_alias)
                first.kept = static_cast<std::uint32_t>(i);
        }
    }

    // Returns the id under which the message with this one is kept.
    Text message_of(Text id) const { return ids_[members_[find(index_of(id))].kept]; }

    // Returns the rows of message_alias that are new or change.
    Vector<Alias> changed_rows() const {
        Vector<Alias> rows;
        for (std::size_t i = 0; i < members_.size(); ++i) {
            const Member &member = members_[i];
            const Alias row{ids_[i], message_of(ids_[i]), member.is_alias};
            if (member.row == nullptr
                    ? row.message_id != row.alias || row.is_alias
                    : row.message_id != member.row->message_id || row.is_alias != member.row->is_alias)
                rows.push(row);
        }
        return rows;
    }

private:
    struct Member {
        std::uint32_t joined_to; // itself, if it is the first of its group, which is the smallest
        std::uint32_t kept;      // of the first: the one under whose id the message is kept
        bool is_alias;
        const Alias *row;
    };

    std::size_t index_of(Text id) const {
        return static_cast<std::size_t>(std::lower_bound(ids_.begin(), ids_.end(), id) - ids_.begin());
    }
    std::size_t find(std::size_t i) const {
        while (members_[i].joined_to != i)
            i = members_[i].joined_to;
        return i;
    }
    void join(std::size_t a, std::size_t b) {
        a = find(a);
        b = find(b);
        members_[std::max(a, b)].joined_to = static_cast<std::uint32_t>(std::min(a, b));
    }

    const Vector<Text> &ids_;
    Vector<KnownRecipient> recipients_;
    Vector<Member> members_;
};

// Locks whatever belongs to the pairs, in the order of a call, with whatever the call goes on to lock. While this
// waits, others may find that the messages have more ids, which stand at other places of the order: then the locks are
// given away, and it begins anew. Families only grow, so it ends.
Family lock_family(const Vector<AliasPair> &pairs, const Vector<Text> &others) {
    auto *family = new (palloc(sizeof(Family))) Family(family_of(pairs));
    const MemoryContext context = CurrentMemoryContext;
    const auto lock = [&] {
        const Vector<Text> recipients = read_texts(lock_recipients_statement, family->ids);
        const Vector<Text> other_messages = messages_of(aliases_among(others), others);
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
                               are_equal(other_messages, messages_of(aliases_among(others), others)) &&
                               are_equal(recipients, read_texts(find_recipients_statement, now.ids));
        *family = now;
        MemoryContextSwitchTo(inner);
        return is_stable;
    };
    while (!attempt_or_undo(lock))
        CHECK_FOR_INTERRUPTS();
    return *family;
}

Vector<Observation> take_events(Text from, Text to) {
    const Oid type = TEXTOID;
    const Datum id = PointerGetDatum(text_of(from));
    take_events_statement.execute({&type, 1}, {&id, 1});
    check_result(event_columns);
    Vector<Observation> events;
    for (std::uint64_t i = 0; i < SPI_tuptable->numvals; ++i) {
        std::array<Datum, event_columns.size()> values;
        std::array<bool, event_columns.size()> nulls;
        heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values.data(), nulls.data());
        const auto text_at = [&](std::size_t n) { return nulls[n] ? Text() : view_of(DatumGetTextPP(values[n])); };
        Observation o;
        o.message_id = to;
        o.state = state_of_datum(values[0]);
        o.event_time = DatumGetTimestampTz(values[1]);
        o.received_at = DatumGetTimestampTz(values[2]);
        o.time_of_receipt = text_at(3) == "receipt";
        o.source = text_at(4);
        o.participant = text_at(5);
        if (!nulls[6])
            o.error.code = DatumGetInt32(values[6]);
        o.error.title = text_at(7);
        o.error.details = text_at(8);
        if (!nulls[9])
            o.detail = DatumGetJsonbP(values[9]);
        o.digest = DatumGetInt32(values[10]);
        o.fingerprint = fingerprint_of(o);
        events.push(o);
    }
    return events;
}

Datum known_events_of(const Vector<Observation> &events) {
    KnownEvents known;
    for (const Observation &o : events)
        add(known, number_of(o.fingerprint));
    return known_events_datum(known);
}

void add_events(Vector<Observation> &events) {
    Vector<Observation *> all;
    for (Observation &o : events)
        all.push(&o);
    if (all.empty())
        return;
    look_up_events({all.begin(), all.size()});
    Vector<Observation *> added;
    Vector<Observation *> differing;
    for (Observation *o : all)
        if (o->is_new)
            added.push(o);
        else if (o->differs)
            differing.push(o);
    if (!added.empty())
        insert_events({added.begin(), added.size()});
    if (!differing.empty())
        correct_events({differing.begin(), differing.size()});
}

// Returns the row that the last statement read or wrote, in memory that lives until the rollups are written; nothing if
// there is none.
const WrittenMessage *row_of_result() {
    check_result(written_shape);
    if (SPI_processed == 0)
        return nullptr;
    std::array<Datum, written_column_count> values;
    std::array<bool, written_column_count> nulls;
    heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, values.data(), nulls.data());
    return new (palloc(sizeof(WrittenMessage))) WrittenMessage(written_message(values.data(), nulls.data()));
}

void move_sends(Text from, Text to) {
    const std::array<Oid, 2> types{TEXTOID, TEXTOID};
    const std::array<Datum, 2> ids{PointerGetDatum(text_of(from)), PointerGetDatum(text_of(to))};
    move_recipient_statement.execute(types, ids);
    move_attempt_statement.execute(types, ids);
}

// Makes a message part of another one, or gives it the other's id if there is none. Both ids are locked. What is
// counted of a message does not depend on its id.
void unite(Text from, Text to, RollupChanges &rollups) {
    Vector<Observation> events = take_events(from, to);
    const std::array<Oid, 3> types{TEXTOID, TEXTOID, BYTEAOID};
    const std::array<Datum, 3> values{PointerGetDatum(text_of(from)), PointerGetDatum(text_of(to)),
                                      known_events_of(events)};
    statements().rename.execute(types, values);
    if (SPI_processed == 0) {
        statements().read.execute({types.data(), 1}, {values.data(), 1});
        const WrittenMessage *before = row_of_result();
        statements().unite.execute(types, values);
        const WrittenMessage *after = row_of_result();
        // A part of the message would be lost, or its events would be those of a message that lacks them.
        if (before == nullptr || after == nullptr)
            ereport(ERROR,
                    (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                     errmsg("a trigger keeps message \"%.*s\" from becoming part of \"%.*s\"",
                            static_cast<int>(from.size()), from.data(), static_cast<int>(to.size()), to.data())));
        rollups.remove(before->after);
        rollups.add(*after);
    }
    add_events(events);
}

// Puts the messages of a family under the ids under which they are kept. Recipients follow even where there is no
// message yet.
void unite_all(const Vector<Text> &ids, const Union &groups, RollupChanges &rollups) {
    for (const Text id : read_texts(known_messages_statement, ids))
        if (const Text kept = groups.message_of(id); kept != id)
            unite(id, kept, rollups);
    for (const Text id : ids)
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
    Union groups(family, said);
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
        learn(pairs, others, said_, rollups_, [&](const Union &groups, const AliasPair &pair) {
            if (groups.has_forgotten(pair))
                return false;
            const char *refusal = groups.refusal_of(pair);
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
    learn(unknown, {}, said, rollups, [](const Union &groups, const AliasPair &p) {
        const char *refusal = groups.refusal_of(p);
        if (refusal == too_many_ids)
            ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION), errmsg("a message has at most %zu ids", max_ids)));
        if (refusal != nullptr)
            ereport(ERROR,
                    (errcode(ERRCODE_CHECK_VIOLATION), errmsg("messages with different recipients cannot become one")));
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
            unite(row.alias, row.message_id, rollups);
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
