#include "console/gate.hpp"

#include "base/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

// Returns a host without its port.
std::string_view name_of(std::string_view host) {
    const std::size_t colon = host.rfind(':');
    return colon == std::string_view::npos || host.ends_with(']') ? host : host.substr(0, colon);
}

bool is_literal(std::string_view name) {
    if (name.starts_with('[') && name.ends_with(']'))
        name = name.substr(1, name.size() - 2);
    return Address::parse(name).has_value();
}

} // namespace

Gate::Gate(const ConsoleConfig &config)
    : scheme_(config.tls_certificate_file.empty() ? "http://" : "https://"), port_(config.listen.port),
      is_https_(!config.tls_certificate_file.empty()) {
    if (config.public_url.empty())
        return;
    const std::size_t host = config.public_url.find("//") + 2;
    public_ = lower_case(config.public_url.substr(0, config.public_url.find('/', host)));
    public_host_ = public_.substr(host);
}

std::string Gate::with_port(std::string_view host) const {
    std::string whole = lower_case(host);
    if (name_of(host).size() == host.size())
        whole.append(":").append(default_port());
    return whole;
}

bool Gate::is_own_host(std::string_view host) const {
    if (!public_host_.empty() && equals_ignoring_case(host, public_host_))
        return true;
    const std::string_view name = name_of(host);
    // No name can be made to lead here but those that are always addresses.
    const bool is_address = equals_ignoring_case(name, "localhost") || is_literal(name);
    return is_address && (port_ == 0 || with_port(host) == lower_case(name) + ":" + std::to_string(port_));
}

bool Gate::is_same_origin(const BrowserHeaders &browser, std::string_view host) const {
    if (browser.origin.empty())
        return browser.fetch_site == "same-origin";
    const std::string origin = lower_case(browser.origin);
    return (!public_.empty() && origin == public_) || origin == scheme_ + lower_case(host);
}

std::string_view cookie_value(std::string_view cookies, std::string_view name) {
    std::string_view value;
    while (!cookies.empty()) {
        std::string_view one = trimmed(cut(cookies, ";"));
        if (cut(one, "=") != name)
            continue;
        if (!value.empty())
            return {};
        value = one;
    }
    return value;
}

} // namespace msgstatus::receiver
