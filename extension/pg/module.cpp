// The magic block by which the server recognises the library.
#include "pg/postgres.hpp"

extern "C" {
PG_MODULE_MAGIC;
}
