// The columns of an error.
#pragma once

#include "observation/observation.hpp"
#include "postgres/row_builder.hpp"

namespace msgstatus {

// Puts the columns error_code, error_title and error_details.
inline void put_error(RowBuilder &row, const ErrorInfo &error) {
    row.put_optional(error.code);
    row.put_text(error.title);
    row.put_text(error.details);
}

} // namespace msgstatus
