# What PGXS builds and installs of the extension. Included by the Makefile at the root, before PGXS itself.
#
# The flags stand in PG_CPPFLAGS because those alone reach both the compiler and the bitcode that JIT inlines from.

EXTENSION_VERSION = 0.1.0

MODULE_big = msgstatus
OBJS = $(patsubst %.cpp,%.o,$(wildcard extension/core/*.cpp extension/pg/*.cpp))

EXTENSION = extension/msgstatus
DATA_built = extension/msgstatus--$(EXTENSION_VERSION).sql

PG_CPPFLAGS = -std=c++20 -DMSGSTATUS_VERSION=\"$(EXTENSION_VERSION)\" -fno-exceptions -fno-rtti -fvisibility=hidden \
	-Iextension -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CXXFLAGS = -Wall -Wextra -Wpedantic -Werror
SHLIB_LINK += -lstdc++

# The fragments in the order in which they are run; each holds one subject.
EXTENSION_SQL = $(sort $(wildcard extension/sql/*.sql))

extension/msgstatus--$(EXTENSION_VERSION).sql: $(EXTENSION_SQL) extension/extension.mk
	cat $(EXTENSION_SQL) > $@

EXTRA_CLEAN += extension/msgstatus--$(EXTENSION_VERSION).sql

# pg_regress: every sql/*.sql in the order of names, in one database that has the extension.
REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=msgstatus --encoding=UTF8 --no-locale

# pg_isolation_regress: every specification in test/isolation.
ISOLATION = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=msgstatus --encoding=UTF8 --no-locale
