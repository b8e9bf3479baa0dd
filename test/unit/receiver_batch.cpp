// What goes to the database, and what its errors mean.

#include <gtest/gtest.h>

#include "database/protocol.hpp"
#include "http/request.hpp"
#include "jobs/job.hpp"

namespace msgstatus::receiver {
namespace {

Job job(BufferBudget &budget, std::string_view body, std::string_view source = "meta") {
    Job job;
    EXPECT_TRUE(job.body.append(budget, body));
    job.received_at = 0x0102030405060708;
    job.source = source;
    return job;
}

std::string bytes(std::initializer_list<int> values) {
    std::string out;
    for (const int value : values)
        out.push_back(static_cast<char>(value));
    return out;
}

TEST(BatchParameters, AreBinaryArrays) {
    BufferBudget budget(100);
    std::vector<Job> jobs;
    jobs.push_back(job(budget, "{}"));
    jobs.push_back(job(budget, "[1]", "twilio"));
    BatchParameters parameters;
    parameters.encode(jobs);
    const auto [bodies, times, sources] = parameters.encode(jobs); // starts over
    const auto header = [](int high, int low) {
        return bytes({0, 0, 0, 1, 0, 0, 0, 0, 0, 0, high, low, 0, 0, 0, 2, 0, 0, 0, 1});
    };
    EXPECT_EQ(bodies, header(0x0e, 0xda) + bytes({0, 0, 0, 3, 1}) + "{}" + bytes({0, 0, 0, 4, 1}) + "[1]");
    const std::string time = bytes({0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8});
    EXPECT_EQ(times, header(0x04, 0xa0) + time + time);
    EXPECT_EQ(sources, header(0, 25) + bytes({0, 0, 0, 4}) + "meta" + bytes({0, 0, 0, 6}) + "twilio");
}

TEST(AppendNumber, WritesNetworkOrder) {
    std::string out;
    for (const std::int32_t value : {1, -1, 256, INT32_MAX, INT32_MIN})
        append_number(out, value);
    append_number(out, std::int64_t{-2});
    EXPECT_EQ(out, bytes({0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0, 0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0}) +
                       bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}));
}

TEST(JobQueue, LimitsBatchesByCountAndBytes) {
    BufferBudget budget(1000);
    JobQueue queue;
    for (const char *body : {"1234567", "12", "123", "1"})
        queue.push(job(budget, body));
    std::vector<Job> batch;
    queue.take_batch(10, 5, batch);
    ASSERT_EQ(batch.size(), 1U) << "a body larger than the limit goes alone";
    EXPECT_EQ(batch[0].body.text(), "1234567");
    queue.take_batch(10, 5, batch);
    EXPECT_EQ(batch.size(), 2U) << "2 + 3 bytes";
    queue.push(job(budget, "2"));
    queue.take_batch(1, 5, batch);
    EXPECT_EQ(batch.size(), 1U);
    EXPECT_EQ(queue.size(), 1U);
}

TEST(BufferBudget, IsGivenBackByWhoeverHoldsTheBody) {
    BufferBudget budget(10);
    {
        BufferedBody body;
        EXPECT_TRUE(body.append(budget, "12345"));
        EXPECT_TRUE(body.append(budget, "12345"));
        EXPECT_FALSE(body.append(budget, "1"));
        BufferedBody other = std::move(body);
        body = BufferedBody(); // NOLINT(bugprone-use-after-move): a moved-from body is empty
        EXPECT_EQ(budget.used(), 10U);
        EXPECT_FALSE(other.replace("a longer text, for which the budget has no room"));
        EXPECT_EQ(other.text(), "1234512345");
        EXPECT_EQ(budget.used(), 10U);
    }
    EXPECT_EQ(budget.used(), 0U);
}

TEST(BufferBudget, KeepsAQuarterForSmallBodies) {
    BufferBudget budget(40 * BufferBudget::small);
    const std::string large(2 * BufferBudget::small, 'x');
    std::vector<BufferedBody> held(100);
    std::size_t taken = 0;
    while (held[taken].append(budget, large, large.size()))
        ++taken;
    EXPECT_EQ(taken, 15U);
    BufferedBody usual;
    EXPECT_TRUE(usual.append(budget, "{}"));
    held.clear();
    usual.reset();
    EXPECT_EQ(budget.used(), 0U);
}

TEST(BufferBudget, CountsWhatIsHeldAndNotWhatIsUsed) {
    BufferBudget budget(1000);
    BufferedBody body;
    EXPECT_TRUE(body.append(budget, std::string(100, 'x')));
    EXPECT_TRUE(body.append(budget, std::string(150, 'x')));
    EXPECT_GE(budget.used(), body.text().capacity());
    EXPECT_TRUE(body.replace(std::string(700, 'x')));
    EXPECT_EQ(budget.used(), body.text().capacity());
    EXPECT_TRUE(body.replace("{}"));
    EXPECT_LT(budget.used(), 100U) << "what is given up is given back";
}

TEST(ClassifyFailure, TellsDataFromTheRest) {
    for (const char *state : {"22P05", "22P02", "22003", "22021", "54001", "54000"})
        EXPECT_EQ(classify_failure(state), Failure::data) << state;
    for (const char *state : {"40001", "40P01"})
        EXPECT_EQ(classify_failure(state), Failure::conflict) << state;
    for (const char *state : {"", "08006", "57P01", "57P02", "57P03", "25006", "53300", "53100", "26000"})
        EXPECT_EQ(classify_failure(state), Failure::unavailable) << state;
    for (const char *state : {"P0001", "23514", "42501", "57014", "55P03", "55000", "XX000"})
        EXPECT_EQ(classify_failure(state), Failure::other) << state;
}

TEST(ClassifyMediaType, KnowsJsonAndForms) {
    for (const char *type :
         {"application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\"", "text/json",
          "application/cloudevents+json", "application/json; x=y"})
        EXPECT_EQ(classify_media_type(type), MediaType::json) << type;
    for (const char *type : {"application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=UTF-8"})
        EXPECT_EQ(classify_media_type(type), MediaType::form) << type;
    for (const char *type : {"", "text/plain", "multipart/form-data", "application/xml", "+json", "application/jsonx",
                             "application/json; charset=iso-8859-1"})
        EXPECT_EQ(classify_media_type(type), MediaType::other) << type;
}

} // namespace
} // namespace msgstatus::receiver
