#include "core/mask_numbers.hpp"

#include <algorithm>

namespace msgstatus {
namespace {

constexpr std::string_view mask = "***";
constexpr std::size_t shortest_number = 7;
constexpr std::size_t shortest_word = 10;
constexpr std::size_t longest_gap = 3;
static_assert(mask.size() <= shortest_number && mask.size() <= shortest_word);

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_capital(char c) {
    return c >= 'A' && c <= 'Z';
}

bool is_letter(char c) {
    return is_capital(c) || (c >= 'a' && c <= 'z');
}

// The characters of base64 in all its alphabets, and what joins the parts of an id.
bool is_of_word(char c) {
    return is_digit(c) || is_letter(c) || std::string_view("+/=_-.").find(c) != std::string_view::npos;
}

std::size_t word_at(std::string_view text, std::size_t start) {
    std::size_t end = start;
    while (end < text.size() && is_of_word(text[end]))
        ++end;
    return end;
}

bool is_masked(std::string_view word) {
    return word.size() >= shortest_word && std::any_of(word.begin(), word.end(), is_digit) &&
           std::any_of(word.begin(), word.end(), is_capital);
}

// Where the number ends that begins with the digit at `start`. Bytes of longer characters, such as a blank that does
// not break, count as set apart.
struct Number {
    std::size_t end;
    std::size_t digits;
};

Number number_at(std::string_view text, std::size_t start) {
    Number number = {start + 1, 1};
    for (;;) {
        std::size_t next = number.end;
        while (next < text.size() && next - number.end < longest_gap && !is_digit(text[next]) && !is_letter(text[next]))
            ++next;
        if (next == text.size() || !is_digit(text[next]))
            return number;
        number = {next + 1, number.digits + 1};
    }
}

class Output {
public:
    explicit Output(char *out) : start_(out), out_(out) {}
    void put(std::string_view text) { out_ = std::copy(text.begin(), text.end(), out_); }
    void take_back_plus() {
        if (out_ != start_ && out_[-1] == '+')
            --out_;
    }
    std::size_t size() const { return static_cast<std::size_t>(out_ - start_); }

private:
    char *start_;
    char *out_;
};

} // namespace

std::size_t mask_numbers(std::string_view text, char *out) {
    Output output(out);
    // Up to here, words have been looked at.
    std::size_t seen = 0;
    std::size_t i = 0;
    while (i < text.size()) {
        if (i >= seen && is_of_word(text[i])) {
            seen = word_at(text, i);
            if (is_masked(text.substr(i, seen - i))) {
                output.put(mask);
                i = seen;
                continue;
            }
        }
        if (!is_digit(text[i])) {
            output.put(text.substr(i++, 1));
            continue;
        }
        const Number number = number_at(text, i);
        if (number.digits >= shortest_number) {
            output.take_back_plus();
            output.put(mask);
            i = number.end;
            continue;
        }
        // Not beyond the next gap, after which a word may begin.
        while (i < number.end && is_digit(text[i]))
            output.put(text.substr(i++, 1));
    }
    return output.size();
}

} // namespace msgstatus
