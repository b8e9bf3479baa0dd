// Stand-ins for message ids. An id can hold the recipient's number (a wamid holds it in base64), so roles that see
// masked numbers are shown a stand-in. An id always has the same stand-in; the key turns a stand-in back into the id;
// without the key, a stand-in reveals only the length of the id.
//
// The scheme is the deterministic encryption of Rogaway and Shrimpton (SIV; RFC 5297 specifies it with AES), built from
// the one primitive that every PostgreSQL server has, HMAC-SHA256:
//
//   tag       = the first 16 bytes of HMAC(key, 0 | id)
//   block i   = HMAC(key, 1 | i | tag), i from 0, one byte
//   stand-in  = "m_" and base64url of: tag | (id xor block 0 | block 1 | ...)
//
// Because stand-ins are reversible, the table of messages, which grows by millions a day, needs no column and no index
// for them. The tag proves that a stand-in was made with the key. A hash without a key would not hide numbers: they can
// be tried one by one.
#include "privacy/stand_in.hpp"

#include <cstring>

#include "core/base64url.hpp"

extern "C" {
#include "common/hmac.h"
#include "common/sha2.h"
}

namespace msgstatus {
namespace {

constexpr std::string_view prefix = "m_";
constexpr std::size_t tag_size = 16;
constexpr std::size_t block_size = PG_SHA256_DIGEST_LENGTH;
// The number of a block is one byte. Message ids have at most 512 bytes.
constexpr std::size_t longest_id = 256 * block_size;

const uint8 *bytes_of(std::string_view view) {
    return reinterpret_cast<const uint8 *>(view.data());
}

// HMAC-SHA256 with one key. No call between construction and free() raises.
class Hmac {
public:
    explicit Hmac(std::string_view key) : key_(key), context_(pg_hmac_create(PG_SHA256)) {
        if (context_ == nullptr)
            ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    }

    // Computes the hash of both parts, concatenated.
    void hash(std::string_view first, std::string_view second, uint8 *digest) {
        failed_ = failed_ || pg_hmac_init(context_, bytes_of(key_), key_.size()) < 0 ||
                  pg_hmac_update(context_, bytes_of(first), first.size()) < 0 ||
                  pg_hmac_update(context_, bytes_of(second), second.size()) < 0 ||
                  pg_hmac_final(context_, digest, block_size) < 0;
    }

    void free() {
        pg_hmac_free(context_);
        if (failed_)
            elog(ERROR, "could not compute HMAC-SHA256");
    }

private:
    std::string_view key_;
    pg_hmac_ctx *context_;
    bool failed_ = false;
};

void hash_id(Hmac &hmac, std::string_view id, uint8 *digest) {
    hmac.hash(std::string_view("\0", 1), id, digest);
}

// Encrypts an id, or decrypts the bytes after the tag: the two are the same operation.
void encrypt(Hmac &hmac, std::string_view tag, std::string_view in, char *out) {
    for (std::size_t i = 0; i < in.size(); i += block_size) {
        const std::array<char, 2> start = {1, static_cast<char>(i / block_size)};
        std::array<uint8, block_size> block{};
        hmac.hash({start.data(), start.size()}, tag, block.data());
        for (std::size_t j = i; j < std::min(i + block_size, in.size()); ++j)
            out[j] = static_cast<char>(in[j] ^ block[j - i]);
    }
}

} // namespace

text *stand_in_of(std::string_view key, std::string_view id) {
    if (id.size() > longest_id)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("message id is longer than %zu bytes", longest_id)));
    const std::size_t size = tag_size + id.size();
    auto *bytes = static_cast<char *>(palloc(size));
    const std::size_t text_size = prefix.size() + base64url_size(size);
    auto *result = static_cast<text *>(palloc(VARHDRSZ + text_size));

    Hmac hmac(key);
    std::array<uint8, block_size> digest{};
    hash_id(hmac, id, digest.data());
    std::memcpy(bytes, digest.data(), tag_size);
    encrypt(hmac, {bytes, tag_size}, id, bytes + tag_size);
    hmac.free();

    SET_VARSIZE(result, VARHDRSZ + text_size);
    std::memcpy(VARDATA(result), prefix.data(), prefix.size());
    encode_base64url({bytes, size}, VARDATA(result) + prefix.size());
    return result;
}

} // namespace msgstatus

using namespace msgstatus;

// Returns the stand-in of a message id (argument 2), made with the key (argument 1). Raises 22023 for an id that is too
// long to encrypt (longest_id).
MSGSTATUS_FUNCTION(stand_in) {
    PG_RETURN_TEXT_P(stand_in_of(view_of(PG_GETARG_BYTEA_PP(0)), view_of(PG_GETARG_TEXT_PP(1))));
}

// Returns the message id of which a stand-in (argument 2) was made with the key (argument 1); NULL for any other text.
MSGSTATUS_FUNCTION(message_id_of) {
    const std::string_view key = view_of(PG_GETARG_BYTEA_PP(0));
    std::string_view encoded = view_of(PG_GETARG_TEXT_PP(1));
    if (!encoded.starts_with(prefix) || encoded.size() > prefix.size() + base64url_size(tag_size + longest_id))
        PG_RETURN_NULL();
    encoded.remove_prefix(prefix.size());
    auto *bytes = static_cast<char *>(palloc(encoded.size() + 1));
    const std::optional<std::size_t> size = decode_base64url(encoded, bytes);
    if (!size || *size < tag_size)
        PG_RETURN_NULL();
    const std::string_view tag(bytes, tag_size);
    const std::size_t id_size = *size - tag_size;
    auto *id = static_cast<char *>(palloc(id_size + 1));

    Hmac hmac(key);
    encrypt(hmac, tag, {bytes + tag_size, id_size}, id);
    std::array<uint8, block_size> digest{};
    hash_id(hmac, {id, id_size}, digest.data());
    hmac.free();

    // A caller with a key of its own can make a stand-in of any bytes.
    if (std::memcmp(digest.data(), tag.data(), tag_size) != 0 ||
        !pg_verify_mbstr(GetDatabaseEncoding(), id, static_cast<int>(id_size), true))
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(text_of({id, id_size}));
}
