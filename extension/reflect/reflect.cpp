#include "reflect/reflect.hpp"

#include "postgres/subtransaction.hpp"
#include "reflect/failures.hpp"
#include "reflect/update.hpp"

namespace msgstatus {
namespace {

constexpr int max_attempts = 3;
constexpr long deadlock_pause = 10000; // microseconds

Vector<Text> ids_of(std::span<const Reflection> messages) {
    Vector<Text> ids;
    for (const Reflection &r : messages)
        ids.push(r.message_id);
    return ids;
}

// The statements that add rows to histories, the innermost first.
struct Recording {
    int table_id;
    std::span<const Reflection> messages;
    const Recording *outer;
};
const Recording *recordings = nullptr;

bool holds(std::span<const Reflection> messages, Text message_id) {
    const auto found = std::lower_bound(messages.begin(), messages.end(), message_id,
                                        [](const Reflection &r, Text id) { return r.message_id < id; });
    return found != messages.end() && found->message_id == message_id;
}

bool is_history(const AttachedTable &table) {
    return std::string_view(table.update_sql).starts_with("INSERT INTO ");
}

// A row that could not be brought up to date has not seen a failure that an earlier call brought.
Vector<Reflection> with_unknown_failures(std::span<const Reflection> messages, const Vector<Text> &ids) {
    Vector<Reflection> copies;
    for (const Reflection &r : messages) {
        copies.push(r);
        if (std::binary_search(ids.begin(), ids.end(), r.message_id))
            copies.back().failures.reset();
    }
    return copies;
}

// One table's part in a call.
class TableReflection {
public:
    TableReflection(const AttachedTable &table, bool is_restricted) : table_(table), is_restricted_(is_restricted) {}

    int reflect(std::span<const Reflection> messages) {
        // Not in the attempt, which would put it down to the table.
        check_reflections();
        const Vector<Text> failed_before =
            table_.has_failures ? known_failures(table_.id, ids_of(messages)) : Vector<Text>();
        Vector<Reflection> copies;
        if (!failed_before.empty()) {
            copies = with_unknown_failures(messages, failed_before);
            messages = {copies.begin(), copies.size()};
        }
        if (const ErrorData *error = try_to_update(messages))
            reflect_despite(*error, messages, true);
        failures_.write(table_.id);
        forget_failures(table_.id, that_succeeded(failed_before));
        return static_cast<int>(failures_.size());
    }

private:
    ErrorData *try_to_update(std::span<const Reflection> messages) {
        for (int attempts = 1;; ++attempts) {
            const Recording recording{table_.id, messages, recordings};
            if (is_history(table_))
                recordings = &recording;
            ErrorData *error = attempt([&] { update_attached_table(table_, messages, is_restricted_); });
            recordings = recording.outer;
            if (error == nullptr)
                return nullptr;
            if (is_not_the_tables_fault(*error))
                ReThrowError(error);
            if (error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED || attempts == max_attempts)
                return error;
            // The other one has to wake up before it can take the lock that this one just gave away.
            pg_usleep(deadlock_pause);
        }
    }

    // The messages raised an error together: leaves out those that raise one alone.
    void reflect_despite(const ErrorData &error, std::span<const Reflection> messages, bool is_first) {
        // What fails without any message fails for each.
        if (messages.size() == 1 || (is_first && try_to_update({}) != nullptr)) {
            for (const Reflection &r : messages)
                failures_.add(r.message_id, error);
            return;
        }
        const std::size_t half = messages.size() / 2;
        for (const auto part : {messages.first(half), messages.subspan(half)})
            if (const ErrorData *again = try_to_update(part))
                reflect_despite(*again, part, false);
    }

    Vector<Text> that_succeeded(const Vector<Text> &ids) const {
        Vector<Text> succeeded;
        for (const Text id : ids)
            if (!failures_.contains(id))
                succeeded.push(id);
        return succeeded;
    }

    const AttachedTable &table_;
    bool is_restricted_;
    ReflectionFailures failures_;
};

} // namespace

bool is_being_recorded(int table_id, Text message_id) {
    for (const Recording *r = recordings; r != nullptr; r = r->outer)
        if (r->table_id == table_id && holds(r->messages, message_id))
            return true;
    return false;
}

bool is_not_the_tables_fault(const ErrorData &error) {
    // Procedural languages and other libraries have message domains of their own: what a user's code raises by RAISE
    // carries any code that it likes, and is told from PostgreSQL's by the domain.
    const bool is_of_postgres = error.domain != nullptr && std::string_view(error.domain).starts_with("postgres");
    return is_of_postgres && (error.sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE ||
                              ERRCODE_TO_CATEGORY(error.sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION);
}

int reflect_in(const AttachedTable &table, std::span<const Reflection> messages, bool is_restricted) {
    return messages.empty() ? 0 : TableReflection(table, is_restricted).reflect(messages);
}

} // namespace msgstatus
