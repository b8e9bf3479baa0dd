// Reading jsonb: a value, its kind, its members. Nothing here raises because of what the document says.
#pragma once

#include "postgres/postgres.hpp"

extern "C" {
#include "utils/jsonb.h"
}

namespace msgstatus {

// Levels of arrays and objects (and of documents within strings) around a webhook, or within a status object, beyond
// which it is rejected. PostgreSQL recurses where it builds a document, and raises where the stack ends, which no
// content may bring about.
inline constexpr int max_nesting = 200;

// One value of a document, or the absence of one. Cheap to copy; valid as long as the document is.
class Json {
public:
    Json() { value_.type = jbvNull; }
    explicit Json(const JsonbValue &value) : value_(value), exists_(true) {}

    // of_document returns the value at the root.
    static Json of_document(Jsonb *document);

    bool exists() const { return exists_; }
    // JSON's null says as little as absence does.
    bool is_null() const { return !exists_ || value_.type == jbvNull; }
    bool is_object() const { return is_container() && JsonContainerIsObject(value_.val.binary.data); }
    bool is_array() const {
        return is_container() && JsonContainerIsArray(value_.val.binary.data) &&
               !JsonContainerIsScalar(value_.val.binary.data);
    }
    bool is_string() const { return value_.type == jbvString; }
    bool is_number() const { return value_.type == jbvNumeric; }
    bool is_bool() const { return value_.type == jbvBool; }

    // The bytes of a string; empty for anything else.
    std::string_view string() const {
        if (!is_string())
            return {};
        return {value_.val.string.val, static_cast<std::size_t>(value_.val.string.len)};
    }
    bool boolean() const { return is_bool() && value_.val.boolean; }
    Numeric number() const { return value_.val.numeric; }

    // The bytes of a string, the digits of a number (palloc'd); empty for anything else.
    std::string_view scalar_text() const;

    // A whole number within `int`, from a number or a string of digits.
    std::optional<int> integer() const;

    // The member of an object with the key; absent where there is none or this is no object.
    Json operator[](std::string_view key) const;

    // Calls visit(element) for each element of an array.
    template <typename Visit>
    void for_each_element(Visit visit) const {
        JsonbIterator *iterator = JsonbIteratorInit(value_.val.binary.data);
        JsonbValue element;
        for (JsonbIteratorToken token = JsonbIteratorNext(&iterator, &element, false); token != WJB_DONE;
             token = JsonbIteratorNext(&iterator, &element, true))
            if (token == WJB_ELEM)
                visit(Json(element));
    }

    // Calls visit(key, value) for each member of an object.
    template <typename Visit>
    void for_each_member(Visit visit) const {
        JsonbIterator *iterator = JsonbIteratorInit(value_.val.binary.data);
        JsonbValue token_value;
        std::string_view key;
        for (JsonbIteratorToken token = JsonbIteratorNext(&iterator, &token_value, false); token != WJB_DONE;
             token = JsonbIteratorNext(&iterator, &token_value, true)) {
            if (token == WJB_KEY)
                key = {token_value.val.string.val, static_cast<std::size_t>(token_value.val.string.len)};
            else if (token == WJB_VALUE)
                visit(key, Json(token_value));
        }
    }

    // A palloc'd document that holds this value alone.
    Jsonb *to_document() const;

    // Tells whether arrays and objects nest more than max_nesting levels deep in this value.
    bool nests_too_deep() const;

    // A palloc'd document of the members of this object whose key is not among `left_out`; null where none is left, or
    // where they nest too deep.
    Jsonb *without(std::span<const std::string_view> left_out) const;

private:
    bool is_container() const { return exists_ && value_.type == jbvBinary; }

    JsonbValue value_;
    bool exists_ = false;
};

static_assert(std::is_trivially_destructible_v<Json> && std::is_trivially_copyable_v<Json>);

// with_member returns a palloc'd document of an object, or of nothing, and a text beside it.
Jsonb *with_member(Jsonb *object, std::string_view key, std::string_view text);

// parse_json reads a document out of a string inside another one; absent where it is none, or one that jsonb refuses.
Json parse_json(std::string_view text);

} // namespace msgstatus
