#include "bodies.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdexcept>
#include <vector>

namespace bench {
namespace {

void append_pricing(std::string &out, std::uint32_t message) {
    out += R"({"billable":)";
    out += is_billable(message) ? "true" : "false";
    out += R"(,"pricing_model":"PMP","type":"regular","category":")";
    out += pricing_category(message);
    out += "\"}";
}

void append_status(std::string &out, Status status) {
    out += R"({"id":")";
    append_message_id(out, status.message);
    out += R"(","status":")";
    out += name_of(status.state);
    out += R"(","timestamp":")";
    out += std::to_string(event_time(status));
    out += R"(","recipient_id":")";
    append_recipient(out, status.message);
    out += '"';
    if (has_pricing(status)) {
        out += R"(,"pricing":)";
        append_pricing(out, status.message);
    }
    out += '}';
}

std::string iso_time(std::int64_t unix_seconds) {
    const std::time_t time = unix_seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::array<char, 32> text;
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S+00", &parts)};
}

} // namespace

std::string webhook_body(std::span<const Status> statuses) {
    std::string body;
    body.reserve(320 + statuses.size() * 270);
    body += R"({"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{)"
            R"("messaging_product":"whatsapp","metadata":{"display_phone_number":")";
    body += business_number;
    body += R"(","phone_number_id":"106540352242922"},"statuses":[)";
    for (const Status &status : statuses) {
        if (&status != statuses.data())
            body += ',';
        append_status(body, status);
    }
    body += R"(]},"field":"messages"}]}]})";
    return body;
}

std::string signature_of(const std::string &body, const std::string &secret) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned int size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char *>(body.data()), body.size(), digest.data(), &size);
    std::string text = "sha256=";
    for (unsigned int i = 0; i < size; ++i) {
        constexpr std::string_view digits = "0123456789abcdef";
        text += digits[digest[i] >> 4];
        text += digits[digest[i] & 15];
    }
    return text;
}

void write_bodies(std::span<const Status> statuses, std::size_t per_body, const std::string &path, std::size_t parts,
                  const std::string &secret) {
    std::vector<std::ofstream> files;
    for (std::size_t part = 0; part < parts; ++part)
        files.emplace_back(path + '.' + std::to_string(part));
    std::size_t next = 0;
    for (std::size_t i = 0; i + per_body <= statuses.size(); i += per_body) {
        const std::string body = webhook_body(statuses.subspan(i, per_body));
        std::ofstream &file = files[next++ % parts];
        if (!secret.empty())
            file << signature_of(body, secret) << ' ';
        file << body << '\n';
    }
    for (std::ofstream &file : files)
        if (!file.flush())
            throw std::runtime_error("cannot write " + path);
}

void write_rows(std::span<const Status> statuses, std::uint64_t first) {
    std::string row;
    for (std::size_t i = 0; i < statuses.size(); ++i) {
        const Status status = statuses[i];
        row = std::to_string(first + i);
        row += '\t';
        append_message_id(row, status.message);
        row += "\tmeta\toutbound\t+";
        row += business_number;
        row += "\t+";
        append_recipient(row, status.message);
        row += '\t';
        row += name_of(status.state);
        row += '\t';
        row += iso_time(event_time(status));
        if (has_pricing(status)) {
            row += '\t';
            row += pricing_category(status.message);
            row += is_billable(status.message) ? "\tt\t" : "\tf\t";
            row += R"({"pricing":)";
            append_pricing(row, status.message);
            row += '}';
        } else {
            row += "\t\\N\t\\N\t\\N";
        }
        row += '\t';
        row += std::to_string(fingerprint(status));
        row += '\n';
        std::cout << row;
    }
    if (!std::cout.flush())
        throw std::runtime_error("cannot write rows");
}

} // namespace bench
