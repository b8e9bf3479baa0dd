// Prometheus' text format, version 0.0.4.
#pragma once

#include <initializer_list>
#include <sstream>
#include <string>
#include <string_view>

#include "observe/histogram.hpp"

namespace msgstatus::receiver {

/// A label of a sample. Both texts are words that need no escaping.
struct Label {
    std::string_view name;
    std::string_view value;
};

/// Exposition does gather families of metrics, each with the samples that follow it.
class Exposition {
public:
    using Labels = std::initializer_list<Label>;

    Exposition();

    /// family does begin a metric.
    /// @param name  in full, with its unit; `_total` at the end of a counter
    /// @param type  counter, gauge or histogram
    void family(std::string_view name, std::string_view type, std::string_view help);

    /// sample does add a value to the family begun last.
    template <class Value>
    void sample(Labels labels, Value value) {
        line("", labels);
        out_ << value << '\n';
    }

    /// histogram does add the buckets, the sum and the count of values to the family begun last.
    template <std::size_t Bounds>
    void histogram(std::string_view label, std::string_view label_value, const Histogram<Bounds> &values) {
        std::uint64_t total = 0;
        for (std::size_t i = 0; i <= Bounds; ++i) {
            total += values.counts()[i];
            const std::string bound = i < Bounds ? number(values.bounds()[i]) : "+Inf";
            line("_bucket", {{label, label_value}, {"le", bound}});
            out_ << total << '\n';
        }
        line("_sum", {{label, label_value}});
        out_ << values.sum() << '\n';
        line("_count", {{label, label_value}});
        out_ << total << '\n';
    }
    template <std::size_t Bounds>
    void histogram(const Histogram<Bounds> &values) {
        histogram("", "", values);
    }

    /// counter and gauge do add a metric of one sample without labels.
    template <class Value>
    void counter(std::string_view name, std::string_view help, Value value) {
        family(name, "counter", help);
        sample({}, value);
    }
    template <class Value>
    void gauge(std::string_view name, std::string_view help, Value value) {
        family(name, "gauge", help);
        sample({}, value);
    }

    std::string text() const { return out_.str(); }

private:
    void line(std::string_view suffix, Labels labels);
    static std::string number(double value);

    std::ostringstream out_;
    std::string_view family_;
};

} // namespace msgstatus::receiver
