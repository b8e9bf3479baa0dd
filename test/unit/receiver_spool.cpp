// The store of the spool: what is kept stays, what is damaged or full is told.

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/store.hpp"

namespace msgstatus::receiver {
namespace {

namespace fs = std::filesystem;

/// A directory of its own for each test.
class SpoolStoreTest : public testing::Test {
protected:
    SpoolStoreTest() {
        std::string name = (fs::temp_directory_path() / "msgstatus-spool-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("mkdtemp");
        parent_ = name;
    }
    ~SpoolStoreTest() override { fs::remove_all(parent_); }

    SpoolSettings settings(std::size_t max_bytes = 64 * mebibyte, std::size_t largest_body = 4 * mebibyte) const {
        return {.directory = directory(), .max_bytes = max_bytes, .largest_body = largest_body};
    }
    std::string directory() const { return (parent_ / "spool").string(); }
    std::string database() const { return directory() + "/spool.db"; }
    void execute(const char *sql) const {
        sqlite3 *opened = nullptr;
        ASSERT_EQ(sqlite3_open(database().c_str(), &opened), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(opened, sql, nullptr, nullptr, nullptr), SQLITE_OK);
        sqlite3_close(opened);
    }

    fs::path parent_;
};

std::vector<std::string> bodies(const SpoolReport &report) {
    std::vector<std::string> bodies;
    for (const Job &job : report.jobs)
        bodies.push_back(job.body.text());
    return bodies;
}

std::vector<std::int64_t> ids(const SpoolReport &report) {
    std::vector<std::int64_t> ids;
    for (const Job &job : report.jobs)
        ids.push_back(job.backlog_id);
    return ids;
}

Job webhook(std::int64_t received_at, std::string_view source, const std::string &body) {
    Job job;
    job.received_at = received_at;
    job.source = source;
    job.body.replace(body);
    return job;
}

std::vector<Job> jobs(std::initializer_list<std::string> bodies) {
    std::vector<Job> jobs;
    for (const std::string &body : bodies)
        jobs.push_back(webhook(1, "meta", body));
    return jobs;
}

SpoolReport all_of(SpoolStore &store) {
    return store.read(0, SIZE_MAX, SIZE_MAX);
}

/// Asserts that the operation was not done, and that a reason is given.
void expect_failure(const SpoolReport &report, SpoolFailure failure) {
    EXPECT_FALSE(report.done);
    EXPECT_EQ(report.failure, failure) << report.reason;
    EXPECT_NE(report.reason, "");
}

TEST_F(SpoolStoreTest, KeepsWhatItIsGiven) {
    SpoolStore store(settings());
    const std::string body("{\"a\":\"\\u0000\"}\0 \xff", 17);
    std::vector<Job> both;
    both.push_back(webhook(INT64_MIN, "twilio", body));
    both.push_back(webhook(0x0102030405060708, "", ""));
    const SpoolReport kept = store.append(both);
    EXPECT_TRUE(kept.done) << kept.reason;
    EXPECT_EQ(kept.state.depth, 2U);
    EXPECT_EQ(kept.state.oldest, INT64_MIN);
    const SpoolReport report = store.read(0, 10, 1000);
    ASSERT_EQ(report.jobs.size(), 2U);
    EXPECT_EQ(report.jobs[0].received_at, INT64_MIN);
    EXPECT_EQ(report.jobs[0].source, "twilio");
    EXPECT_EQ(report.jobs[0].body.text(), body);
    EXPECT_EQ(report.jobs[1].received_at, 0x0102030405060708);
    EXPECT_EQ(report.jobs[1].source, "");
    EXPECT_EQ(report.jobs[1].body.text(), "");
}

TEST_F(SpoolStoreTest, ReadsInOrderAndNoMoreThanAskedFor) {
    SpoolStore store(settings());
    store.append(jobs({"1234567", "12", "123", "1"}));
    const SpoolReport first = store.read(0, 10, 5);
    EXPECT_EQ(bodies(first), std::vector<std::string>{"1234567"}) << "a body larger than the limit goes alone";
    const SpoolReport second = store.read(ids(first).back(), 10, 5);
    EXPECT_EQ(bodies(second), (std::vector<std::string>{"12", "123"}));
    EXPECT_EQ(bodies(store.read(0, 2, 1000)), (std::vector<std::string>{"1234567", "12"}));
    EXPECT_EQ(bodies(store.read(ids(second).back(), 10, 1000)), std::vector<std::string>{"1"});
}

TEST_F(SpoolStoreTest, RemovesAndNeverUsesAnIdAgain) {
    SpoolStore store(settings());
    store.append(jobs({"1", "2", "3"}));
    const std::vector<std::int64_t> all = ids(all_of(store));
    EXPECT_EQ(store.remove(std::vector{all[0], all[2], all[2] + 1}).state.depth, 1U);
    EXPECT_EQ(bodies(all_of(store)), std::vector<std::string>{"2"});
    const SpoolReport report = store.remove(std::vector{all[1]});
    EXPECT_EQ(report.state.depth, 0U);
    EXPECT_FALSE(report.state.oldest);
    store.append(jobs({"4"}));
    EXPECT_GT(ids(all_of(store)).front(), all[2]);
}

TEST_F(SpoolStoreTest, IsFoundAgain) {
    {
        SpoolStore store(settings());
        store.append(jobs({"1", "2", "3"}));
        store.remove(std::vector{ids(all_of(store)).front()});
    }
    SpoolStore store(settings());
    EXPECT_EQ(store.open().state.depth, 2U);
    EXPECT_EQ(bodies(all_of(store)), (std::vector<std::string>{"2", "3"}));
}

TEST_F(SpoolStoreTest, StaysWithinItsLimitAndGivesRoomBack) {
    constexpr std::size_t limit = mebibyte;
    SpoolStore store(settings(limit, 1000));
    const std::string body(5000, 'x');
    const auto fill = [&] {
        std::size_t count = 0;
        SpoolReport report;
        while (report = store.append(jobs({body})), report.done)
            ++count;
        expect_failure(report, SpoolFailure::full);
        EXPECT_LE(report.state.bytes, limit);
        EXPECT_EQ(report.state.depth, count) << "what did not fit left nothing behind";
        return count;
    };
    const std::size_t fits = fill();
    EXPECT_GT(fits, 40U);
    for (const std::int64_t id : ids(all_of(store)))
        store.remove(std::vector{id});
    EXPECT_EQ(store.open().state.depth, 0U);
    EXPECT_EQ(fill(), fits);
    expect_failure(store.append(jobs({std::string(600'000, 'x')})), SpoolFailure::full);
}

TEST_F(SpoolStoreTest, KeepsItsLogSmall) {
    const SpoolSettings small = settings(4 * mebibyte, 1000);
    SpoolStore store(small);
    const std::string body(20000, 'x');
    for (int round = 0; round < 300; ++round) {
        store.append(jobs({body}));
        store.remove(std::vector{ids(store.read(0, 1, 1)).front()});
        ASSERT_LE(fs::file_size(database() + "-wal"), small.log_bytes());
    }
    EXPECT_LE(store.open().state.bytes, small.max_bytes);
}

TEST_F(SpoolStoreTest, TellsWhatIsNoSpool) {
    fs::create_directory(directory());
    fs::permissions(directory(), fs::perms::owner_all);
    std::ofstream(database()) << std::string(10000, 'x');
    EXPECT_EQ(SpoolStore(settings()).open().failure, SpoolFailure::corrupt);
    fs::remove(database());
    execute("CREATE TABLE something_else (a)");
    EXPECT_EQ(SpoolStore(settings()).open().failure, SpoolFailure::corrupt);
}

TEST_F(SpoolStoreTest, LeavesAnotherVersionAlone) {
    SpoolStore(settings()).append(jobs({"1"}));
    execute("PRAGMA user_version = 2");
    expect_failure(SpoolStore(settings()).append(jobs({"2"})), SpoolFailure::unusable);
    execute("PRAGMA user_version = 1");
    SpoolStore store(settings());
    EXPECT_EQ(bodies(all_of(store)), std::vector<std::string>{"1"});
}

TEST_F(SpoolStoreTest, KeepsNothingInAFileWithoutAName) {
    SpoolStore store(settings());
    store.append(jobs({"1"}));
    fs::rename(database(), database() + ".moved");
    expect_failure(store.append(jobs({"2"})), SpoolFailure::unusable);
}

TEST_F(SpoolStoreTest, IsForItsOwnerAlone) {
    const mode_t before = umask(0);
    SpoolStore store(settings());
    store.append(jobs({"1"}));
    umask(before);
    EXPECT_EQ(fs::status(directory()).permissions(), fs::perms::owner_all);
    for (const auto &entry : fs::directory_iterator(directory()))
        EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write) << entry.path();
}

TEST_F(SpoolStoreTest, RefusesADirectoryThatOthersMayEnter) {
    fs::create_directory(directory());
    for (const fs::perms more : {fs::perms::group_read, fs::perms::others_exec, fs::perms::group_write}) {
        fs::permissions(directory(), fs::perms::owner_all | more);
        expect_failure(SpoolStore(settings()).open(), SpoolFailure::unusable);
    }
    fs::permissions(directory(), fs::perms::owner_all);
    EXPECT_TRUE(SpoolStore(settings()).open().done);
}

TEST_F(SpoolStoreTest, RefusesWhatIsNoDirectory) {
    std::ofstream(directory()) << "x";
    expect_failure(SpoolStore(settings()).open(), SpoolFailure::unusable);
}

TEST_F(SpoolStoreTest, FollowsNoLinkOutOfTheDirectory) {
    fs::create_directory(directory());
    fs::permissions(directory(), fs::perms::owner_all);
    std::ofstream(parent_ / "elsewhere") << "";
    fs::create_symlink(parent_ / "elsewhere", database());
    expect_failure(SpoolStore(settings()).open(), SpoolFailure::unusable);
}

TEST_F(SpoolStoreTest, IsHeldByOneAtATime) {
    {
        SpoolStore store(settings());
        ASSERT_TRUE(store.open().done);
        expect_failure(SpoolStore(settings()).open(), SpoolFailure::unusable);
    }
    EXPECT_TRUE(SpoolStore(settings()).open().done);
}

TEST_F(SpoolStoreTest, SetsADamagedFileAsideAndGoesOn) {
    SpoolStore(settings()).append(jobs({"1"}));
    std::fstream(database(), std::ios::in | std::ios::out) << std::string(fs::file_size(database()), 'x');
    SpoolStore store(settings());
    const SpoolReport report = store.append(jobs({"2"}));
    EXPECT_TRUE(report.done) << report.reason;
    EXPECT_TRUE(report.opened);
    EXPECT_EQ(report.failure, SpoolFailure::corrupt);
    EXPECT_EQ(fs::file_size(report.set_aside), fs::file_size(database()));
    EXPECT_EQ(report.state.depth, 1U);
    EXPECT_EQ(bodies(all_of(store)), std::vector<std::string>{"2"});
}

TEST_F(SpoolStoreTest, SetsFilesAsideWithTheirLogAFewTimesOnly) {
    const auto damage = [this](int number) {
        std::ofstream(database()) << std::string(10000, 'x') << number;
        std::ofstream(database() + "-wal") << "log " << number;
    };
    std::vector<std::string> names;
    for (int i = 0; i < 8; ++i) {
        SpoolStore(settings()).open();
        damage(i);
        names.push_back(SpoolStore(settings()).open().set_aside);
    }
    for (int i = 0; i < 8; ++i) {
        std::ifstream file(names[i]);
        const std::string text(std::istreambuf_iterator<char>(file), {});
        EXPECT_EQ(text, std::string(10000, 'x') + std::to_string(i));
        std::ifstream log(names[i] + "-wal");
        EXPECT_EQ(std::string(std::istreambuf_iterator<char>(log), {}), "log " + std::to_string(i));
    }
    damage(8);
    expect_failure(SpoolStore(settings()).open(), SpoolFailure::unusable);
}

TEST_F(SpoolStoreTest, RemovesNothingByTheIdsOfAnEarlierFile) {
    SpoolStore store(settings());
    store.append(jobs({"1", "2"}));
    execute("INSERT INTO webhook VALUES (4000000000000000, 1, 'meta', x'33')"); // as if the clock was set back since
    const std::vector<std::int64_t> earlier = ids(all_of(store));
    EXPECT_EQ(earlier.back(), 4000000000000000);
    fs::rename(database(), database() + ".moved");
    expect_failure(store.append(jobs({"4"})), SpoolFailure::unusable);
    fs::remove(database() + "-wal");
    fs::remove(database() + "-shm");
    EXPECT_EQ(store.append(jobs({"5", "6", "7"})).state.depth, 3U);
    EXPECT_EQ(store.remove(earlier).state.depth, 3U);
    EXPECT_GT(ids(all_of(store)).front(), earlier.back()) << "and who has read the earlier one goes on in the new one";
    EXPECT_EQ(store.remove(ids(all_of(store))).state.depth, 0U);
}

/// Lets no file of this process grow beyond its present size while it lives, as a full disk would.
class FullDisk {
public:
    explicit FullDisk(std::size_t bytes) {
        std::signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }
    FullDisk(const FullDisk &) = delete;
    FullDisk &operator=(const FullDisk &) = delete;

private:
    rlimit before_{};
};

TEST_F(SpoolStoreTest, ForgetsWhatAFullDiskCannotDelete) {
    SpoolStore store(settings());
    store.append(jobs({std::string(100'000, '1'), "2", "3"}));
    const std::vector<std::int64_t> all = ids(all_of(store));
    {
        const FullDisk disk(50'000);
        const SpoolReport first = store.remove(std::vector{all[0], all[0] - 1});
        EXPECT_TRUE(first.done);
        EXPECT_EQ(first.failure, SpoolFailure::full) << first.reason;
        EXPECT_EQ(first.state.depth, 2U);
        EXPECT_EQ(store.remove(std::vector{all[0]}).state.depth, 2U) << "once is enough";
        EXPECT_EQ(bodies(all_of(store)), (std::vector<std::string>{"2", "3"}));
    }
    EXPECT_EQ(store.append(jobs({"4"})).state.depth, 3U);
    {
        const FullDisk disk(50'000);
        EXPECT_EQ(store.remove(std::vector{all[1], all[2]}).state.depth, 1U);
        EXPECT_EQ(bodies(all_of(store)), std::vector<std::string>{"4"}) << "which came later, and stays";
        const SpoolReport last = store.remove(ids(all_of(store)));
        EXPECT_EQ(last.state.depth, 0U);
        EXPECT_LT(last.state.bytes, 100'000U) << "a new file, since nothing else is in the old one";
        EXPECT_TRUE(store.append(jobs({"5"})).done);
    }
    EXPECT_EQ(bodies(all_of(store)), std::vector<std::string>{"5"});
}

TEST_F(SpoolStoreTest, DeletesLaterWhatAFullDiskCouldNot) {
    SpoolStore store(settings());
    store.append(jobs({std::string(100'000, '1'), "2", "3"}));
    const std::vector<std::int64_t> all = ids(all_of(store));
    {
        const FullDisk disk(50'000);
        EXPECT_EQ(store.remove(std::vector{all[0]}).failure, SpoolFailure::full);
    }
    EXPECT_EQ(store.remove(std::vector{all[1]}).failure, SpoolFailure::none);
    EXPECT_EQ(SpoolStore(settings()).open().failure, SpoolFailure::unusable) << "it is held";
    fs::rename(database(), database() + ".moved"); // to open it anew
    store.append(jobs({"4"}));
    fs::rename(database() + ".moved", database());
    EXPECT_EQ(bodies(all_of(store)), std::vector<std::string>{"3"});
}

TEST_F(SpoolStoreTest, GivesItsSpaceBackWhenItIsEmpty) {
    SpoolStore store(settings(8 * mebibyte, 1000));
    const std::string body(100'000, 'x');
    SpoolReport report;
    while (report = store.append(jobs({body})), report.done) {
    }
    EXPECT_EQ(report.failure, SpoolFailure::full);
    EXPECT_TRUE(report.state.open) << "what is there can be read";
    const std::size_t bytes = report.state.bytes;
    report = store.remove(ids(all_of(store)));
    EXPECT_EQ(report.state.depth, 0U);
    EXPECT_LT(report.state.bytes, bytes / 4);
    EXPECT_TRUE(store.append(jobs({body})).done);
}

TEST_F(SpoolStoreTest, OpensWhenItCan) {
    SpoolSettings missing = settings();
    missing.directory = (parent_ / "missing" / "spool").string();
    SpoolStore store(missing);
    const SpoolReport report = store.append(jobs({"1"}));
    expect_failure(report, SpoolFailure::unusable);
    EXPECT_FALSE(report.state.open);
    fs::create_directory(parent_ / "missing");
    EXPECT_TRUE(store.open().state.open);
}

} // namespace
} // namespace msgstatus::receiver
