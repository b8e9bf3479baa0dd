// Signatures of parameters: Plivo's of the URL and the fields, Vonage's `sig` among the fields.

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <boost/algorithm/hex.hpp>
#include <openssl/evp.h>

#include "base/text_codec.hpp"
#include "webhook/json_check.hpp"
#include "webhook/method.hpp"

namespace msgstatus::receiver {
namespace {

std::string sorted_fields(Form form, std::string_view equals, std::string_view between) {
    std::sort(form.begin(), form.end());
    std::string out;
    for (const auto &[name, value] : form)
        out.append(out.empty() ? "" : between).append(name).append(equals).append(value);
    return out;
}

// Returns whether a name holds what stands between fields in the text that is signed: it could be several fields.
bool has_border_in_name(const Form &form) {
    const auto has_border = [](const auto &field) { return field.first.find_first_of("&=") != std::string::npos; };
    return std::any_of(form.begin(), form.end(), has_border);
}

class PlivoMethod : public Method {
public:
    PlivoMethod(const WebhookSettings &settings, const std::vector<std::string> &secrets) : settings_(settings) {
        for (const std::string &secret : secrets)
            keys_.emplace_back("SHA256", secret);
    }

    Verdict check(const Evidence &evidence) override {
        if (evidence.headers.nonce.empty())
            return {.refusal = "a header that is signed is missing"};
        if (settings_.auth == Auth::plivo && evidence.form == nullptr)
            return {.refusal = "Plivo signs forms and queries alone"};
        if (settings_.auth == Auth::plivo && evidence.is_get && has_border_in_name(*evidence.form))
            return {.refusal = "a parameter's name holds & or ="};
        bool found = false;
        for (const std::string &url : evidence.urls) {
            const std::string text =
                settings_.auth == Auth::plivo_v2
                    ? url.substr(0, url.find('?')) + std::string(evidence.headers.nonce)
                    : plivo_text(url, *evidence.form, evidence.is_get) + "." + std::string(evidence.headers.nonce);
            for (Hmac &key : keys_) {
                const std::string right = key.base64({text});
                for (std::string_view rest = evidence.headers.signature; !rest.empty();)
                    found = equal_in_constant_time(trimmed(cut(rest, ",")), right) || found;
            }
        }
        return {.refusal = found ? "" : "wrong signature"};
    }

private:
    const WebhookSettings &settings_;
    std::vector<Hmac> keys_;
};

std::string hex_digest(const char *digest, std::string_view text) {
    std::string value(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char *>(value.data()), &size,
                   EVP_get_digestbyname(digest), nullptr) != 1)
        throw std::runtime_error(std::string("OpenSSL cannot compute an ") + digest);
    return boost::algorithm::hex_lower(value.substr(0, size));
}

class VonageMethod : public Method {
public:
    VonageMethod(const WebhookSettings &settings, const std::vector<std::string> &secrets)
        : settings_(settings), secrets_(secrets) {}

    Verdict check(const Evidence &evidence) override {
        Form form = evidence.form != nullptr ? *evidence.form : Form();
        if (evidence.form == nullptr) {
            for (const auto &member : json_members(evidence.body, true).value_or(Members()))
                form.push_back(member);
        }
        const auto is_signature = [](const auto &field) { return field.first == "sig"; };
        const auto found = std::find_if(form.begin(), form.end(), is_signature);
        if (found == form.end())
            return {.refusal = "no parameter sig"};
        const std::string claimed = lower_case(found->second);
        form.erase(found);
        const std::string_view problem =
            time_problem(settings_, form_value(form, "timestamp").value_or(std::string_view()), evidence.now);
        std::sort(form.begin(), form.end());
        const auto same_name = [](const auto &a, const auto &b) { return a.first == b.first; };
        if (!problem.empty() || std::adjacent_find(form.begin(), form.end(), same_name) != form.end() ||
            std::any_of(form.begin(), form.end(), is_signature))
            return {.refusal = problem.empty() ? "a parameter comes more than once" : problem};
        if (has_border_in_name(form))
            return {.refusal = "a parameter's name holds & or ="};
        std::string covered = form_to_json(form); // without `sig`, from which a short secret could be guessed
        std::string text;
        for (auto &[name, value] : form) {
            std::replace_if(
                value.begin(), value.end(), [](char c) { return c == '&' || c == '='; }, '_');
            text.append("&").append(name).append("=").append(value);
        }
        bool fits = false;
        for (const std::string &secret : secrets_)
            fits = equal_in_constant_time(sign(text, secret), claimed) || fits;
        if (!fits)
            return {.refusal = "wrong signature"};
        return {.covered = std::move(covered)};
    }

private:
    using Members = std::map<std::string, std::string, std::less<>>;

    std::string sign(const std::string &text, const std::string &secret) const {
        return settings_.digest == "md5hash" ? hex_digest("MD5", text + secret)
                                             : Hmac(digest_name(settings_.digest), secret).hex({text});
    }

    const WebhookSettings &settings_;
    std::vector<std::string> secrets_;
};

} // namespace

std::string plivo_text(std::string_view url, const Form &fields, bool is_get) {
    std::string_view query = url;
    std::string out(cut(query, "?"));
    const Form of_query = is_get ? fields : decode_form(query).value_or(Form());
    const bool has_query = !of_query.empty();
    const bool has_fields = !is_get && !fields.empty();
    out.append(has_query || has_fields ? "?" : "").append(sorted_fields(of_query, "=", "&"));
    return out.append(has_query && has_fields ? "." : "").append(has_fields ? sorted_fields(fields, "", "") : "");
}

std::unique_ptr<Method> make_plivo_method(const WebhookSettings &settings, const std::vector<std::string> &secrets) {
    return std::make_unique<PlivoMethod>(settings, secrets);
}

std::unique_ptr<Method> make_vonage_method(const WebhookSettings &settings, const std::vector<std::string> &secrets) {
    return std::make_unique<VonageMethod>(settings, secrets);
}

} // namespace msgstatus::receiver
