// Reads jsonb: a value, its kind, its members. No function here raises because of the content of a document.
#pragma once

#include "postgres/postgres.hpp"

extern "C" {
#include "utils/jsonb.h"
}

namespace msgstatus {

// The most levels of arrays and objects, and of documents within strings, around a webhook or within a status object;
// deeper content is rejected. PostgreSQL recurses when it builds a document and raises at the end of the stack, and
// content must never raise.
inline constexpr int max_nesting = 200;

// One value of a document, or the absence of one. Cheap to copy; valid as long as the document is.
class Json {
public:
    Json() { value_.type = jbvNull; }
    explicit Json(const JsonbValue &value) : value_(value), exists_(true) {}

    // Returns the value at the root of a document.
    static Json of_document(Jsonb *document);

    bool exists() const { return exists_; }
    // Treats JSON's null as absence.
    bool is_null() const { return !exists_ || value_.type == jbvNull; }
    bool is_object() const { return is_container() && JsonContainerIsObject(value_.val.binary.data); }
    bool is_array() const {
        return is_container() && JsonContainerIsArray(value_.val.binary.data) &&
               !JsonContainerIsScalar(value_.val.binary.data);
    }
    bool is_string() const { return value_.type == jbvString; }
    bool is_number() const { return value_.type == jbvNumeric; }
    bool is_bool() const { return value_.type == jbvBool; }

    // Returns the bytes of a string; an empty text for any other value.
    std::string_view string() const {
        if (!is_string())
            return {};
        return {value_.val.string.val, static_cast<std::size_t>(value_.val.string.len)};
    }
    bool boolean() const { return is_bool() && value_.val.boolean; }
    Numeric number() const { return value_.val.numeric; }

    // Returns how many bytes an object or an array takes; 0 for any other value.
    std::size_t size() const { return is_container() ? static_cast<std::size_t>(value_.val.binary.len) : 0; }

    // Returns the bytes of a string or the digits of a number (palloc'd); an empty text for any other value.
    std::string_view scalar_text() const;

    // Returns a whole number within `int`, from a number or from a string of digits.
    std::optional<int> integer() const;

    // Returns the member of an object with the key; an absent value if there is none, or if this is no object.
    Json operator[](std::string_view key) const;

    // Returns the element of an array at the position, from 0; an absent value beyond its end, or if this is no array.
    Json element(std::size_t position) const;

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

    // Returns a palloc'd document that holds this value alone.
    Jsonb *to_document() const;

    // Returns a palloc'd document: an array that holds this value, or nothing if it is absent.
    Jsonb *in_array() const;

    // Returns whether arrays and objects nest more than max_nesting levels deep in this value.
    bool nests_too_deep() const;

    // Returns a palloc'd document of the members of this object whose keys are not in `left_out`; null if no member
    // remains, or if the remaining members nest too deep.
    Jsonb *without(std::span<const std::string_view> left_out) const;

private:
    bool is_container() const { return exists_ && value_.type == jbvBinary; }

    JsonbValue value_;
    bool exists_ = false;
};

static_assert(std::is_trivially_destructible_v<Json> && std::is_trivially_copyable_v<Json>);

// Returns a palloc'd document: the object (or an empty one, for null) with one more member.
Jsonb *with_member(Jsonb *object, std::string_view key, std::string_view text);

// Parses a document from a string inside another document; returns an absent value for text that is not JSON or that
// jsonb refuses.
Json parse_json(std::string_view text);

} // namespace msgstatus
