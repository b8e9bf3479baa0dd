// What passes for JSON: the grammar and UTF-8, whatever the depth and the size of numbers.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "webhook/json_check.hpp"

namespace msgstatus::receiver {
namespace {

TEST(IsJson, AcceptsTheGrammar) {
    for (const char *text :
         {"{}", "[]", " {\"a\": [1, 2.5, -0, 1e9, true, false, null, \"\\u00e9\\n\"]} \n", "1", "\"x\"", "null",
          "{\"a\":1,\"a\":2}", "\"\\u0000\"", "\"\\ud83d\\ude00\"", "\"\U0001F600\""})
        EXPECT_TRUE(is_json(text)) << text;
}

TEST(IsJson, RefusesWhatIsNot) {
    for (const char *text : {"",
                             " ",
                             "{",
                             "}",
                             "{]",
                             "{\"a\"}",
                             "{\"a\":}",
                             "{a:1}",
                             "{'a':1}",
                             "[1,]",
                             "[1 2]",
                             "01",
                             "1.",
                             ".5",
                             "+1",
                             "1e",
                             "NaN",
                             "Infinity",
                             "tru",
                             "\"",
                             "\"\n\"",
                             "\"\\x\"",
                             "\"\\u12\"",
                             "{} {}",
                             "{}x",
                             "// c\n{}",
                             "\xef\xbb\xbf{}",
                             "\"\xff\"",
                             "\"\xc0\x80\"",
                             "\"\xed\xa0\x80\""})
        EXPECT_FALSE(is_json(text)) << text;
    EXPECT_FALSE(is_json(std::string_view("{}\0{}", 5))) << "a NUL byte is not the end";
    EXPECT_FALSE(is_json(std::string_view("{}\0", 3)));
}

TEST(IsJson, SeesABadByteWhereverItStands) {
    for (std::size_t size = 1; size < 40; ++size) {
        for (std::size_t place = 0; place < size; ++place) {
            std::string text(size, 'x');
            text[place] = '\xff';
            EXPECT_FALSE(is_json('"' + text + '"')) << size << ", " << place;
            EXPECT_TRUE(is_json('"' + text.replace(place, 1, "\xc3\xa9") + '"')) << size << ", " << place;
        }
    }
}

TEST(IsJson, AcceptsAnyDepth) {
    constexpr std::size_t depth = 1'000'000;
    const std::string open(depth, '[');
    const std::string close(depth, ']');
    EXPECT_TRUE(is_json(open + close));
    EXPECT_FALSE(is_json(open + close.substr(1)));
    EXPECT_FALSE(is_json(open));
}

TEST(IsJson, AcceptsNumbersOfAnySize) {
    const std::string digits(400, '9');
    for (const std::string &text :
         std::vector<std::string>{"1e400", "-" + digits, digits + ".5", "[1e99999999999999999999,2]", "1E+400",
                                  "{\"a\":1e400,\"b\":\"\\\\ud800 1e400\"}"})
        EXPECT_TRUE(is_json(text)) << text;
    for (const std::string &text :
         std::vector<std::string>{"[1e400", "0" + digits, digits + ".", "[1e400,]", "1e400e5", "1e400 1"})
        EXPECT_FALSE(is_json(text)) << text;
}

TEST(IsJson, AcceptsLoneSurrogatesInEscapes) {
    for (const char *text : {R"("\ud83d")", R"("\ud83dx")", R"("\ude00")", R"(["\ud83d\ud83d", "\uD83D\n"])",
                             R"("\\ud83d")", R"(["\ud83d", 1e400])"})
        EXPECT_TRUE(is_json(text)) << text;
    for (const char *text : {R"("\ud8")", R"("\ud83)", R"("\ud83g")", R"(["\ud83d",])", R"([1e400, "\udz00"])"})
        EXPECT_FALSE(is_json(text)) << text;
}

TEST(CompactForms, KeepTheValues) {
    const std::string text = "{ \"a b\" : [ 1 , \"x \\\" y\\u00e9\" ] ,\r\n\t\"c\": {} }";
    EXPECT_EQ(without_json_space(text), R"({"a b":[1,"x \" y\u00e9"],"c":{}})");
    EXPECT_EQ(reserialised_json(text), R"({"a b":[1,"x \" yé"],"c":{}})");
    EXPECT_EQ(reserialised_json("{\"slash\":\"\\/\",\"id\":1733826600123}"), R"({"slash":"/","id":1733826600123})");
    EXPECT_EQ(reserialised_json("nothing"), "");
    EXPECT_EQ(reserialised_json(R"(["\ud83d"])"), "");
    EXPECT_EQ(reserialised_json(R"(["\ude00"])"), "");
}

} // namespace
} // namespace msgstatus::receiver
