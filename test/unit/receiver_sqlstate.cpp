// What an SQLSTATE means for the webhooks of a call, and for the setup of the database.

#include <gtest/gtest.h>

#include "database/protocol.hpp"

namespace msgstatus::receiver {
namespace {

TEST(SetupHint, NamesTheCommandThatMendsIt) {
    EXPECT_EQ(setup_hint("3F000", "", "hooks"), "Run: CREATE EXTENSION msgstatus; SELECT msgstatus.install();");
    EXPECT_EQ(setup_hint("42883", "", "hooks"), setup_hint("3F000", "", "hooks"));
    EXPECT_EQ(setup_hint("55000", "", "hooks"), "Run: SELECT msgstatus.install();");
    EXPECT_EQ(setup_hint("55000", "Run: ALTER EXTENSION", "hooks"), "Run: ALTER EXTENSION");
    EXPECT_EQ(setup_hint("42501", "", "hooks"), "Run: SELECT msgstatus.grant_access('hooks', 'ingest');");
    EXPECT_EQ(setup_hint("42501", "", "a-b"), "Run: SELECT msgstatus.grant_access('\"a-b\"', 'ingest');");
    EXPECT_EQ(setup_hint("42501", "", "a'b\""), "Run: SELECT msgstatus.grant_access('\"a''b\"\"\"', 'ingest');");
    EXPECT_EQ(setup_hint("42P05", "", "hooks"), "Connect to PostgreSQL itself, or through a pooler in session mode.");
}

TEST(SetupHint, IsSilentAboutOtherFailures) {
    for (const char *sqlstate : {"", "22023", "40001", "53300", "55P03", "57P01", "25006", "P0001"})
        EXPECT_EQ(setup_hint(sqlstate, "Run: this", "hooks"), "") << sqlstate;
}

} // namespace
} // namespace msgstatus::receiver
