#include "postgres/json.hpp"

#include <charconv>

#include "core/ascii.hpp"

extern "C" {
#include "utils/numeric.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#endif
}

namespace msgstatus {
namespace {

// JsonbValueToJsonb and friends take the value as mutable although they only read it.
JsonbValue *as_mutable(const JsonbValue &value) {
    return const_cast<JsonbValue *>(&value);
}

} // namespace

Json Json::of_document(Jsonb *document) {
    JsonbValue root;
    if (JB_ROOT_IS_SCALAR(document)) {
        JsonbExtractScalar(&document->root, &root);
    } else {
        root.type = jbvBinary;
        root.val.binary.data = &document->root;
        root.val.binary.len = static_cast<int>(VARSIZE_ANY_EXHDR(document));
    }
    return Json(root);
}

std::string_view Json::scalar_text() const {
    if (!is_number())
        return string();
    return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number())));
}

std::optional<int> Json::integer() const {
    const std::string_view digits = trim(scalar_text());
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
        return std::nullopt;
    return value;
}

Json Json::operator[](std::string_view key) const {
    JsonbValue member;
    if (!is_object() || getKeyJsonValueFromContainer(value_.val.binary.data, key.data(), static_cast<int>(key.size()),
                                                     &member) == nullptr)
        return {};
    return Json(member);
}

Json Json::element(std::size_t position) const {
    if (!is_array() || position >= JsonContainerSize(value_.val.binary.data))
        return {};
    return Json(*getIthJsonbValueFromContainer(value_.val.binary.data, static_cast<uint32>(position)));
}

Jsonb *Json::in_array() const {
    JsonbParseState *state = nullptr;
    pushJsonbValue(&state, WJB_BEGIN_ARRAY, nullptr);
    if (exists_)
        pushJsonbValue(&state, WJB_ELEM, as_mutable(value_));
    return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, nullptr));
}

Jsonb *Json::to_document() const {
    return JsonbValueToJsonb(as_mutable(value_));
}

bool Json::nests_too_deep() const {
    // Each level takes at least the header of a container and its entry in the container around it. A smaller value
    // cannot nest too deep and need not be walked.
    constexpr int smallest = max_nesting * 2 * static_cast<int>(sizeof(JEntry));
    if (!is_container() || value_.val.binary.len < smallest)
        return false;
    JsonbIterator *iterator = JsonbIteratorInit(value_.val.binary.data);
    JsonbValue token_value;
    int depth = 0;
    for (JsonbIteratorToken token = JsonbIteratorNext(&iterator, &token_value, false); token != WJB_DONE;
         token = JsonbIteratorNext(&iterator, &token_value, false)) {
        if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT) {
            if (++depth > max_nesting)
                return true;
        } else if (token == WJB_END_ARRAY || token == WJB_END_OBJECT) {
            --depth;
        }
    }
    return false;
}

Jsonb *Json::without(std::span<const std::string_view> left_out) const {
    if (!is_object() || nests_too_deep())
        return nullptr;
    JsonbParseState *state = nullptr;
    bool any = false;
    for_each_member([&](std::string_view key, const Json &member) {
        if (std::find(left_out.begin(), left_out.end(), key) != left_out.end())
            return;
        if (!any)
            pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
        any = true;
        JsonbValue name;
        name.type = jbvString;
        name.val.string.val = const_cast<char *>(key.data());
        name.val.string.len = static_cast<int>(key.size());
        pushJsonbValue(&state, WJB_KEY, &name);
        pushJsonbValue(&state, WJB_VALUE, as_mutable(member.value_));
    });
    if (!any)
        return nullptr;
    return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr));
}

Jsonb *with_member(Jsonb *object, std::string_view key, std::string_view text) {
    const auto value_of = [](std::string_view bytes) {
        JsonbValue value;
        value.type = jbvString;
        value.val.string.val = const_cast<char *>(bytes.data());
        value.val.string.len = static_cast<int>(bytes.size());
        return value;
    };
    JsonbParseState *state = nullptr;
    pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
    JsonbValue name = value_of(key);
    JsonbValue member = value_of(text);
    pushJsonbValue(&state, WJB_KEY, &name);
    pushJsonbValue(&state, WJB_VALUE, &member);
    Jsonb *added = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr));
    if (object == nullptr)
        return added;
    return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(object), JsonbPGetDatum(added)));
}

Json parse_json(std::string_view text) {
    char *input = pnstrdup(text.data(), text.size());
    Jsonb *volatile document = nullptr;
    MemoryContext context = CurrentMemoryContext;
    // Before PostgreSQL 16, the input function of jsonb can only raise; in later versions it still raises for nesting
    // beyond the stack. Catching the error without a subtransaction is safe here, because parsing jsonb changes nothing
    // but memory.
    PG_TRY();
    {
        Datum result = 0;
#if PG_VERSION_NUM >= 160000
        ErrorSaveContext soft_error = {};
        soft_error.type = T_ErrorSaveContext;
        if (DirectInputFunctionCallSafe(jsonb_in, input, InvalidOid, -1, reinterpret_cast<Node *>(&soft_error),
                                        &result))
            document = DatumGetJsonbP(result);
#else
        result = DirectFunctionCall1(jsonb_in, CStringGetDatum(input));
        document = DatumGetJsonbP(result);
#endif
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        const int code = geterrcode();
        const bool about_content = ERRCODE_TO_CATEGORY(code) == ERRCODE_DATA_EXCEPTION ||
                                   ERRCODE_TO_CATEGORY(code) == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
        if (!about_content)
            PG_RE_THROW();
        FlushErrorState();
    }
    PG_END_TRY();
    return document == nullptr ? Json() : Json::of_document(document);
}

} // namespace msgstatus
