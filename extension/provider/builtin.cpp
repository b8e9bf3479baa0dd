#include "provider/builtin.hpp"

namespace msgstatus {
namespace {

constexpr BuiltinDescription embedded[] = {
#include "builtin_descriptions.inc"
};

} // namespace

std::span<const BuiltinDescription> builtin_descriptions() {
    return embedded;
}

} // namespace msgstatus
