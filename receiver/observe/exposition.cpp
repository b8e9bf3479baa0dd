#include "observe/exposition.hpp"

namespace msgstatus::receiver {
namespace {

constexpr int precision = 15; // a double's decimal digits that are certain

} // namespace

Exposition::Exposition() {
    out_.precision(precision);
}

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
    family_ = name;
    out_ << "# HELP " << name << ' ' << help << "\n# TYPE " << name << ' ' << type << '\n';
}

// line does begin a line: name and labels, without those that have no name.
void Exposition::line(std::string_view suffix, Labels labels) {
    out_ << family_ << suffix;
    char before = '{';
    for (const Label &label : labels) {
        if (label.name.empty())
            continue;
        out_ << before << label.name << "=\"" << label.value << '"';
        before = ',';
    }
    out_ << (before == ',' ? "} " : " ");
}

std::string Exposition::number(double value) {
    std::ostringstream out;
    out.precision(precision);
    out << value;
    return out.str();
}

} // namespace msgstatus::receiver
