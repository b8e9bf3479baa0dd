// The statement that brings the rows of one attached table up to date.
#pragma once

#include "reflect/reflect.hpp"

namespace msgstatus {

// Raises feature_not_supported (0A000) where the type in which messages travel into these statements
// is not as this library fills it.
void check_reflections();

// Runs the table's update_sql on messages, within SPI. Meanwhile it acts as the role that
// attached the table, never as the owner of the tables of msgstatus: the table's triggers and policies run with the
// rights of that role, and find what they name by its search_path. Raises what the statement raises, and
// undefined_object (42704) where the role is gone. With `is_restricted` the update is a security-restricted operation,
// and deferrable constraints are checked now and not when the transaction ends, where nobody could tell whose fault it
// is. It is false only for a caller that writes rows of the table itself.
void update_attached_table(const AttachedTable &table, std::span<const Reflection> messages, bool is_restricted);

} // namespace msgstatus
