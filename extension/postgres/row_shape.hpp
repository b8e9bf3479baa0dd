// The columns that the code relies on. Types, tables and functions belong to SQL and change beside a running backend;
// what is filled or read without a look at them would reach beyond its memory.
#pragma once

#include "postgres/postgres.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "catalog/pg_type.h"
}

namespace msgstatus {

struct ColumnShape {
    const char *name = nullptr;
    Oid type = InvalidOid;
    // The name of the type in the schema msgstatus, if it is one of the extension's.
    const char *own_type = nullptr;
};

// hint_at_versions is an errhint: how library, extension and tables come to be of one version.
int hint_at_versions();

// type_of_extension returns the OID of a type in the schema msgstatus; raises undefined_object (42704) where it is not.
Oid type_of_extension(const char *name);

// check_columns raises feature_not_supported (0A000) unless the description holds exactly these columns, by name and
// type, dropped ones aside. `subject` names what is described.
//
// The receiver keeps its webhooks on that SQLSTATE and tries again in another backend, which loads the library anew.
void check_columns(TupleDesc description, std::span<const ColumnShape> columns, const char *subject);

// check_result raises the same unless what SPI returned last has columns of these types, or of types that look the same
// in memory, as varchar does for text. Names do not matter.
void check_result(std::span<const ColumnShape> columns);

// check_result_of raises the same, and also unless there are as many rows as were asked for.
void check_result_of(std::size_t rows, std::span<const ColumnShape> columns);

// check_result_columns is check_result for a description.
void check_result_columns(TupleDesc description, std::span<const ColumnShape> columns, const char *subject);

} // namespace msgstatus
