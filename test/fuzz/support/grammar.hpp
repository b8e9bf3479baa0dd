// Grammars written down a second time, from their RFCs, to hold what the receiver accepts against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace msgstatus::fuzz {

// Returns whether the bytes are UTF-8: decodes them first, and only then judges the code points.
inline bool follows_rfc3629(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
        const unsigned char lead = byte(i);
        std::size_t length = 0;
        while (length < 8 && (lead >> (7 - length) & 1) != 0)
            ++length;
        if (length == 0) {
            ++i;
            continue;
        }
        if (length == 1 || length > 4 || i + length > text.size())
            return false;
        std::uint32_t code_point = lead & (0x7fU >> length);
        for (std::size_t at = i + 1; at < i + length; ++at) {
            if ((byte(at) & 0xc0) != 0x80)
                return false;
            code_point = code_point << 6 | (byte(at) & 0x3fU);
        }
        const std::uint32_t smallest = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
        if (code_point < smallest || code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff))
            return false;
        i += length;
    }
    return true;
}

// Reads one JSON value (RFC 8259). The brackets that are open are kept in a string, not on the stack.
class JsonGrammar {
public:
    explicit JsonGrammar(std::string_view text) noexcept : rest_(text) {}

    bool accepts() {
        bool value_is_next = true;
        for (;;) {
            skip_space();
            if (value_is_next) {
                if (!begin_value(value_is_next))
                    return false;
            } else if (open_.empty()) {
                return rest_.empty();
            } else if (take(open_.back() == '{' ? '}' : ']')) {
                open_.pop_back();
            } else if (take(',')) {
                if (open_.back() == '{' && !key())
                    return false;
                value_is_next = true;
            } else {
                return false;
            }
        }
    }

private:
    bool take(char c) noexcept {
        if (rest_.empty() || rest_.front() != c)
            return false;
        rest_.remove_prefix(1);
        return true;
    }

    bool take(std::string_view word) noexcept {
        if (!rest_.starts_with(word))
            return false;
        rest_.remove_prefix(word.size());
        return true;
    }

    void skip_space() noexcept {
        while (take(' ') || take('\t') || take('\r') || take('\n'))
            ;
    }

    // Takes a scalar, or the beginning of an array or object; returns whether a value has to follow.
    bool begin_value(bool &value_follows) {
        if (take('{') || take('[')) {
            const bool object = *(rest_.data() - 1) == '{';
            open_.push_back(object ? '{' : '[');
            skip_space();
            value_follows = !take(object ? '}' : ']');
            if (!value_follows)
                open_.pop_back();
            else if (object)
                return key();
            return true;
        }
        value_follows = false;
        if (rest_.starts_with('"'))
            return string();
        return take("true") || take("false") || take("null") || number();
    }

    bool key() {
        skip_space();
        if (!string())
            return false;
        skip_space();
        return take(':');
    }

    bool string() {
        if (!take('"'))
            return false;
        while (!rest_.empty()) {
            const auto c = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            if (c == '"')
                return true;
            if (c < 0x20)
                return false;
            if (c == '\\' && !escape())
                return false;
        }
        return false;
    }

    bool escape() {
        if (rest_.empty())
            return false;
        const char kind = rest_.front();
        rest_.remove_prefix(1);
        if (kind != 'u')
            return std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos;
        if (rest_.substr(0, 4).find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos ||
            rest_.size() < 4)
            return false;
        rest_.remove_prefix(4);
        return true;
    }

    bool digits() noexcept {
        const std::size_t count = rest_.substr(0, rest_.find_first_not_of("0123456789")).size();
        rest_.remove_prefix(count);
        return count > 0;
    }

    bool number() {
        take('-');
        if (!take('0') && !digits())
            return false;
        if (take('.') && !digits())
            return false;
        if (take('e') || take('E')) {
            if (!take('+'))
                take('-');
            return digits();
        }
        return true;
    }

    std::string_view rest_;
    std::string open_;
};

// Returns whether the text is one JSON value in UTF-8.
inline bool follows_rfc8259(std::string_view text) {
    return follows_rfc3629(text) && JsonGrammar(text).accepts();
}

} // namespace msgstatus::fuzz
