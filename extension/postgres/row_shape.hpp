// The columns that the code expects. SQL can change types, tables and functions beside a running backend; filling or
// reading a changed row unchecked would access memory beyond it.
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
    // The name of the type, for a type of the extension, in the schema msgstatus.
    const char *own_type = nullptr;
};

// Adds an errhint: how to bring library, extension and tables to one version.
int hint_at_versions();

// Returns the OID of a type in the schema msgstatus; raises undefined_object (42704) if it does not exist.
Oid type_of_extension(const char *name);

// Raises feature_not_supported (0A000) unless the description holds exactly these columns, by name and type, without
// counting dropped columns. `subject` names the described object in the message.
//
// On this SQLSTATE the receiver keeps its webhooks and tries again in another backend, which loads the library anew.
void check_columns(TupleDesc description, std::span<const ColumnShape> columns, const char *subject);

// Raises 0A000 unless the last result of SPI has columns of these types, or of types with the same binary form, such as
// varchar for text. Ignores column names.
void check_result(std::span<const ColumnShape> columns);

// Raises 0A000 as check_result does, and also unless the last result of SPI has exactly `rows` rows.
void check_result_of(std::size_t rows, std::span<const ColumnShape> columns);

// Raises 0A000 as check_result does, for a description.
void check_result_columns(TupleDesc description, std::span<const ColumnShape> columns, const char *subject);

} // namespace msgstatus
