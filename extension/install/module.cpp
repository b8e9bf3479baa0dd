// Initializes the library when PostgreSQL loads it.
#include "postgres/postgres.hpp"

#include "install/settings.hpp"

extern "C" {
PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void _PG_init(void) {
    msgstatus::define_settings();
}
}
