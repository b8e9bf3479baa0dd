// The store of the spool and the thread's worker around it: what is kept stays, what is damaged or full is told.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/store.hpp"

namespace msgstatus::receiver {
namespace {

namespace fs = std::filesystem;

constexpr SpoolLimits limits{.max_bytes = std::size_t{64} << 20, .largest_body = std::size_t{4} << 20};

/// A directory of its own for each test.
class Spooled : public testing::Test {
protected:
    Spooled() {
        std::string name = (fs::temp_directory_path() / "msgstatus-spool-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("mkdtemp");
        parent_ = name;
    }
    ~Spooled() override { fs::remove_all(parent_); }

    std::string directory() const { return (parent_ / "spool").string(); }
    std::string database() const { return directory() + "/spool.db"; }

    static std::vector<std::string> bodies(const std::vector<SpoolEntry> &entries) {
        std::vector<std::string> bodies;
        bodies.reserve(entries.size());
        for (const SpoolEntry &entry : entries)
            bodies.push_back(entry.body);
        return bodies;
    }

    fs::path parent_;
};

using SpoolStoreTest = Spooled;
using SpoolFilesTest = Spooled;
using SpoolWorkerTest = Spooled;

std::vector<SpoolItem> items(std::initializer_list<std::string_view> bodies) {
    std::vector<SpoolItem> items;
    for (const std::string_view body : bodies)
        items.push_back({.received_at = 1, .source = "meta", .body = body});
    return items;
}

SpoolError::Kind kind_of(const std::function<void()> &action) {
    try {
        action();
    } catch (const SpoolError &error) {
        EXPECT_STRNE(error.what(), "");
        return error.kind();
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
}

TEST_F(SpoolStoreTest, KeepsWhatItIsGiven) {
    const SpoolFiles files(directory());
    SpoolStore store(files, limits);
    const std::string body("{\"a\":\"\\u0000\"}\0 \xff", 17);
    const std::vector<SpoolItem> both{{.received_at = INT64_MIN, .source = "twilio", .body = body},
                                      {.received_at = 0x0102030405060708, .source = "", .body = ""}};
    store.append(both);
    EXPECT_EQ(store.depth(), 2U);
    EXPECT_EQ(store.oldest(), INT64_MIN);
    const std::vector<SpoolEntry> entries = store.read(0, 10, 1000);
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].received_at, INT64_MIN);
    EXPECT_EQ(entries[0].source, "twilio");
    EXPECT_EQ(entries[0].body, body);
    EXPECT_EQ(entries[1].received_at, 0x0102030405060708);
    EXPECT_EQ(entries[1].source, "");
    EXPECT_EQ(entries[1].body, "");
}

TEST_F(SpoolStoreTest, ReadsInOrderAndNoMoreThanAskedFor) {
    const SpoolFiles files(directory());
    SpoolStore store(files, limits);
    store.append(items({"1234567", "12", "123", "1"}));
    const std::vector<SpoolEntry> first = store.read(0, 10, 5);
    EXPECT_EQ(bodies(first), std::vector<std::string>{"1234567"}) << "a body larger than the limit goes alone";
    const std::vector<SpoolEntry> second = store.read(first.back().id, 10, 5);
    EXPECT_EQ(bodies(second), (std::vector<std::string>{"12", "123"}));
    EXPECT_EQ(bodies(store.read(0, 2, 1000)), (std::vector<std::string>{"1234567", "12"}));
    EXPECT_EQ(bodies(store.read(second.back().id, 10, 1000)), std::vector<std::string>{"1"});
}

TEST_F(SpoolStoreTest, RemovesAndNeverUsesAnIdAgain) {
    const SpoolFiles files(directory());
    SpoolStore store(files, limits);
    store.append(items({"1", "2", "3"}));
    const std::vector<SpoolEntry> entries = store.read(0, 10, 1000);
    store.remove(std::vector{entries[0].id, entries[2].id, entries[2].id + 1});
    EXPECT_EQ(store.depth(), 1U);
    EXPECT_EQ(bodies(store.read(0, 10, 1000)), std::vector<std::string>{"2"});
    store.remove(std::vector{entries[1].id});
    EXPECT_EQ(store.depth(), 0U);
    EXPECT_FALSE(store.oldest());
    store.append(items({"4"}));
    EXPECT_GT(store.read(0, 10, 1000).front().id, entries[2].id);
}

TEST_F(SpoolStoreTest, IsFoundAgain) {
    {
        const SpoolFiles files(directory());
        SpoolStore store(files, limits);
        store.append(items({"1", "2", "3"}));
        store.remove(std::vector<std::int64_t>{1});
    }
    const SpoolFiles files(directory());
    SpoolStore store(files, limits);
    EXPECT_EQ(store.depth(), 2U);
    EXPECT_EQ(bodies(store.read(0, 10, 1000)), (std::vector<std::string>{"2", "3"}));
}

TEST_F(SpoolStoreTest, StaysWithinItsLimitAndGivesRoomBack) {
    constexpr SpoolLimits small{.max_bytes = std::size_t{1} << 20, .largest_body = 1000};
    const SpoolFiles files(directory());
    SpoolStore store(files, small);
    const std::string body(5000, 'x');
    const auto fill = [&] {
        std::size_t count = 0;
        EXPECT_EQ(kind_of([&] {
                      for (;; ++count)
                          store.append(items({body}));
                  }),
                  SpoolError::Kind::full);
        EXPECT_LE(files.bytes(), small.max_bytes);
        return count;
    };
    const std::size_t fits = fill();
    EXPECT_GT(fits, 40U);
    EXPECT_EQ(store.depth(), fits) << "what did not fit left nothing behind";
    for (const SpoolEntry &entry : store.read(0, 1000, SIZE_MAX))
        store.remove(std::vector{entry.id});
    EXPECT_EQ(store.depth(), 0U);
    EXPECT_EQ(fill(), fits);
    EXPECT_EQ(kind_of([&] { store.append(items({std::string(600'000, 'x')})); }), SpoolError::Kind::full);
}

TEST_F(SpoolStoreTest, KeepsItsLogSmall) {
    constexpr SpoolLimits small{.max_bytes = std::size_t{4} << 20, .largest_body = 1000};
    const SpoolFiles files(directory());
    SpoolStore store(files, small);
    const std::string body(20000, 'x');
    for (int round = 0; round < 300; ++round) {
        store.append(items({body}));
        store.remove(std::vector{store.read(0, 1, 1).front().id});
        ASSERT_LE(files.log_bytes(), store.log_limit());
    }
    EXPECT_LE(files.bytes(), small.max_bytes);
}

TEST_F(SpoolStoreTest, TellsWhatIsNoSpool) {
    const SpoolFiles files(directory());
    std::ofstream(database()) << std::string(10000, 'x');
    EXPECT_EQ(kind_of([&] { SpoolStore(files, limits); }), SpoolError::Kind::corrupt);
    fs::resize_file(database(), 0);
    SqliteDatabase(database()).execute("CREATE TABLE something_else (a)");
    EXPECT_EQ(kind_of([&] { SpoolStore(files, limits); }), SpoolError::Kind::corrupt);
}

TEST_F(SpoolStoreTest, LeavesAnotherVersionAlone) {
    const SpoolFiles files(directory());
    SpoolStore(files, limits).append(items({"1"}));
    SqliteDatabase(database()).execute("PRAGMA user_version = 2");
    EXPECT_EQ(kind_of([&] { SpoolStore(files, limits); }), SpoolError::Kind::unusable);
}

TEST_F(SpoolStoreTest, KeepsNothingInAFileWithoutAName) {
    const SpoolFiles files(directory());
    SpoolStore store(files, limits);
    store.append(items({"1"}));
    fs::rename(database(), database() + ".moved");
    EXPECT_EQ(kind_of([&] { store.append(items({"2"})); }), SpoolError::Kind::unusable);
}

TEST_F(SpoolFilesTest, AreForTheirOwnerAlone) {
    const mode_t before = umask(0);
    const SpoolFiles files(directory());
    umask(before);
    EXPECT_EQ(fs::status(directory()).permissions(), fs::perms::owner_all);
    constexpr fs::perms own = fs::perms::owner_read | fs::perms::owner_write;
    EXPECT_EQ(fs::status(database()).permissions(), own);
    SpoolStore store(files, limits);
    store.append(items({"1"}));
    for (const auto &entry : fs::directory_iterator(directory()))
        EXPECT_EQ(entry.status().permissions(), own) << entry.path();
}

TEST_F(SpoolFilesTest, RefuseADirectoryThatOthersMayEnter) {
    fs::create_directory(directory());
    for (const fs::perms more : {fs::perms::group_read, fs::perms::others_exec, fs::perms::group_write}) {
        fs::permissions(directory(), fs::perms::owner_all | more);
        EXPECT_EQ(kind_of([&] { SpoolFiles files(directory()); }), SpoolError::Kind::unusable);
    }
    fs::permissions(directory(), fs::perms::owner_all);
    const SpoolFiles files(directory());
}

TEST_F(SpoolFilesTest, RefuseWhatIsNoDirectory) {
    EXPECT_EQ(kind_of([&] { SpoolFiles files(directory() + "/below"); }), SpoolError::Kind::unusable);
    std::ofstream(directory()) << "x";
    EXPECT_EQ(kind_of([&] { SpoolFiles files(directory()); }), SpoolError::Kind::unusable);
}

TEST_F(SpoolFilesTest, FollowNoLinkOutOfTheDirectory) {
    fs::create_directory(directory());
    fs::permissions(directory(), fs::perms::owner_all);
    std::ofstream(parent_ / "elsewhere") << "";
    fs::create_symlink(parent_ / "elsewhere", database());
    EXPECT_EQ(kind_of([&] { SpoolFiles files(directory()); }), SpoolError::Kind::unusable);
}

TEST_F(SpoolFilesTest, AreHeldByOneAtATime) {
    {
        const SpoolFiles files(directory());
        EXPECT_EQ(kind_of([&] { SpoolFiles second(directory()); }), SpoolError::Kind::unusable);
    }
    const SpoolFiles files(directory());
}

TEST_F(SpoolFilesTest, AreSetAsideWithTheirLogAFewTimesOnly) {
    SpoolFiles files(directory());
    std::vector<std::string> names;
    for (int i = 0; i < 8; ++i) {
        std::ofstream(database()) << "damaged " << i;
        std::ofstream(database() + "-wal") << "log " << i;
        names.push_back(files.set_aside());
        EXPECT_EQ(fs::file_size(database()), 0U);
        EXPECT_FALSE(fs::exists(database() + "-wal"));
    }
    for (int i = 0; i < 8; ++i) {
        std::string text;
        std::getline(std::ifstream(names[i] + "-wal") >> std::ws, text);
        EXPECT_EQ(text, "log " + std::to_string(i));
    }
    EXPECT_EQ(kind_of([&] { files.set_aside(); }), SpoolError::Kind::unusable);
}

TEST_F(SpoolWorkerTest, SetsADamagedFileAsideAndGoesOn) {
    {
        SpoolWorker before(directory(), limits);
        ASSERT_TRUE(before.append(items({"1"})).done);
        EXPECT_EQ(SpoolWorker(directory(), limits).open().failure, SpoolError::Kind::unusable) << "it is held";
    }
    std::fstream(database(), std::ios::in | std::ios::out) << std::string(fs::file_size(database()), 'x');
    SpoolWorker worker(directory(), limits);
    const SpoolReport report = worker.append(items({"2"}));
    EXPECT_TRUE(report.done) << report.reason;
    EXPECT_TRUE(report.opened);
    EXPECT_EQ(report.failure, SpoolError::Kind::corrupt);
    EXPECT_EQ(fs::file_size(report.set_aside), fs::file_size(database()));
    EXPECT_EQ(report.state.depth, 1U);
    EXPECT_EQ(bodies(worker.read(0, 10, 1000).entries), std::vector<std::string>{"2"});
}

TEST_F(SpoolWorkerTest, TellsAnotherFileFromTheOneThatIdsAreFrom) {
    SpoolWorker worker(directory(), limits);
    const SpoolReport first = worker.append(items({"1"}));
    const SpoolReport same = worker.remove(first.state.file + 1, std::vector<std::int64_t>{1});
    EXPECT_EQ(same.state.depth, 1U);
    EXPECT_EQ(worker.remove(first.state.file, std::vector<std::int64_t>{1}).state.depth, 0U);
}

TEST_F(SpoolWorkerTest, DiscardsAFileOnlyIfNothingElseIsInIt) {
    SpoolWorker worker(directory(), limits);
    const std::uint64_t file = worker.append(items({"1", "2"})).state.file;
    const std::vector<std::int64_t> both{1, 2};
    EXPECT_EQ(worker.discard(file, std::vector<std::int64_t>{1}).state.depth, 2U);
    worker.append(items({"3"}));
    EXPECT_EQ(worker.discard(file, both).state.depth, 3U);
    worker.remove(file, std::vector<std::int64_t>{1});
    EXPECT_EQ(worker.discard(file, both).state.depth, 2U) << "of which one came later";
    const SpoolReport report = worker.discard(file, std::vector<std::int64_t>{2, 3});
    EXPECT_EQ(report.state.depth, 0U);
    EXPECT_NE(report.state.file, file);
    EXPECT_EQ(worker.append(items({"4"})).state.depth, 1U);
}

TEST_F(SpoolWorkerTest, GivesItsSpaceBackWhenItIsEmpty) {
    constexpr SpoolLimits small{.max_bytes = std::size_t{8} << 20, .largest_body = 1000};
    SpoolWorker worker(directory(), small);
    const std::string body(100'000, 'x');
    SpoolReport report;
    std::vector<std::int64_t> ids;
    while (report = worker.append(items({body})), report.done)
        ids.push_back(static_cast<std::int64_t>(ids.size()) + 1);
    EXPECT_EQ(report.failure, SpoolError::Kind::full);
    EXPECT_TRUE(report.state.open) << "what is there can be read";
    const std::size_t bytes = report.state.bytes;
    report = worker.remove(report.state.file, ids);
    EXPECT_EQ(report.state.depth, 0U);
    EXPECT_LT(report.state.bytes, bytes / 4);
    EXPECT_TRUE(worker.append(items({body})).done);
}

TEST_F(SpoolWorkerTest, OpensWhenItCan) {
    SpoolWorker worker((parent_ / "missing" / "spool").string(), limits);
    const SpoolReport report = worker.append(items({"1"}));
    EXPECT_FALSE(report.done);
    EXPECT_FALSE(report.state.open);
    EXPECT_EQ(report.failure, SpoolError::Kind::unusable);
    fs::create_directory(parent_ / "missing");
    EXPECT_TRUE(worker.open().state.open);
}

} // namespace
} // namespace msgstatus::receiver
