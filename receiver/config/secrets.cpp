#include "config/secrets.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "webhook/text_codec.hpp"
#include "config/units.hpp"

namespace msgstatus::receiver {

std::vector<std::string> split_secrets(std::string_view text) {
    std::vector<std::string> secrets;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trimmed(text.substr(0, end));
        if (!line.empty())
            secrets.emplace_back(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return secrets;
}

std::vector<std::string> split_signing_keys(const std::vector<std::string> &lines) {
    std::vector<std::string> keys;
    for (std::string line : lines) {
        std::replace(line.begin(), line.end(), ',', '\n');
        for (std::string &key : split_secrets(line)) {
            const std::size_t equals = key.find('=');
            if (equals == 0 || equals >= key.size() - 1) // none is beyond the end, too
                throw std::runtime_error("a key must be NAME=SECRET");
            keys.push_back(std::move(key));
        }
    }
    return keys;
}

std::vector<std::string> read_secret_file(const std::string &path) {
    constexpr std::size_t largest = 64 * kibibyte;
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string text(largest + 1, '\0');
    if (!file || !file.read(text.data(), static_cast<std::streamsize>(text.size())).eof()) {
        if (file)
            throw std::runtime_error("the file " + path + " is larger than 64 kB");
        const std::error_code error(errno != 0 ? errno : EIO, std::generic_category());
        throw std::runtime_error("cannot read the file " + path + ": " + error.message());
    }
    text.resize(static_cast<std::size_t>(file.gcount()));
    std::vector<std::string> secrets = split_secrets(text);
    if (secrets.empty())
        throw std::runtime_error("the file " + path + " holds no secret");
    return secrets;
}

} // namespace msgstatus::receiver
