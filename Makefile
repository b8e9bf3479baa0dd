# The commands of the project. `make help` lists them; README.md tells what they are for.
#
# The extension is built by PostgreSQL's PGXS, the receiver and the C++ tests by CMake. PGXS claims the names `all`,
# `install`, `check` and `clean`, and needs pg_config while make still reads this file: on a bare machine there is none
# yet. So this file has two halves: the commands (second half), which install what is missing and then call make again
# with BUILD_WITH_PGXS set, and the extension (first half), which then finds everything in place.
#
# Variables for the command line:
#   PG_CONFIG   pg_config of the PostgreSQL to build for         (pg_config)
#   PREFIX      where the receiver goes, in $(PREFIX)/bin, and   (/usr/local)
#               its systemd units, in $(PREFIX)/lib/systemd/system
#   DESTDIR     a directory to install into instead of /         ()
#   NO_APT      set: never install packages                      ()

PG_CONFIG ?= pg_config

# In PGXN's archive, `all`, `install` and `installcheck` are PGXS's: see .ci/dist.
ifneq ($(wildcard .extension-only),)
BUILD_WITH_PGXS = 1
endif

ifdef BUILD_WITH_PGXS # ------------------------------------------------------------------------------- the extension

include extension/extension.mk

PGXS := $(shell $(PG_CONFIG) --pgxs)

# The bitcode for PostgreSQL's JIT compiler is made by the clang that PostgreSQL was built with. A machine without it does
# without bitcode: JIT-compiled queries then call the functions instead of inlining them.
ifeq ($(shell command -v $(shell sed -n 's/^CLANG *= *//p' $(dir $(PGXS))../Makefile.global)),)
override with_llvm = no
endif

include $(PGXS)

ifneq ($(filter 8 9 10 11 12 13 14,$(firstword $(subst ., ,$(MAJORVERSION)))),)
$(error msgstatus needs PostgreSQL 15 or later; $(PG_CONFIG) is of $(MAJORVERSION))
endif

# Objects know the headers they were made of (Debian's PGXS does not track them) and are made anew for another PostgreSQL
# or other flags. Bitcode follows its object.
override CXXFLAGS += -MMD -MP
-include $(OBJS:.o=.d)
built_for = build/extension-for-postgresql-$(VERSION)
$(OBJS): $(built_for) extension/extension.mk
# Made here and not by a rule: in PGXS every file is .SECONDARY, and one that is missing makes nothing anew.
$(shell [ -e $(built_for) ] || { mkdir -p build && rm -f build/extension-for-postgresql-* && touch $(built_for); })
$(OBJS:.o=.bc): %.bc: %.o

# Where --silent hides the commands, a line for each says how far the build is: it takes minutes. The expansion of a
# compiler's name counts, as make expands a command when it runs it.
ifneq ($(findstring s,$(filter-out -%,$(firstword $(MAKEFLAGS)))),)
cxx := $(CXX)
clang := $(CLANG)
steps = $(words $(OBJS) $(if $(filter yes,$(with_llvm)),$(OBJS)))
progress = $(eval begun += .)$(info [$(words $(begun))/$(steps)] $@)
$(OBJS): CXX = $(progress)$(cxx)
$(OBJS:.o=.bc): CLANG = $(progress)$(clang)
endif

.PHONY: tidy
tidy:
	echo $(OBJS:.o=.cpp) | xargs -n 1 -P "$$(nproc)" sh -c 'clang-tidy --quiet "$$1" -- $(CPPFLAGS)' -

# The two halves of PGXS's installcheck, each with an exit status of its own.
.PHONY: pg_regress pg_isolation_regress
pg_regress:
	$(pg_regress_installcheck) $(REGRESS_OPTS) $(REGRESS)
pg_isolation_regress:
	$(pg_isolation_regress_installcheck) $(ISOLATION_OPTS) $(ISOLATION)

else # -------------------------------------------------------------------------------------------------- the commands

.PHONY: all help extension receiver bench-client everything fuzz-targets install install-files uninstall check \
	installcheck demo down reference deb check-packages check-containers check-upgrade dist bench soak fuzz sanitized coverage format lint clean
.NOTPARALLEL: # `make down demo` is meant in that order; each build below runs in parallel by itself
.DEFAULT_GOAL := all

PREFIX ?= /usr/local
bindir ?= $(PREFIX)/bin
unitdir ?= $(PREFIX)/lib/systemd/system
export PG_CONFIG NO_APT

version = $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" extension/msgstatus.control)
again = $(MAKE) --no-print-directory
pgxs = $(again) BUILD_WITH_PGXS=1
jobs = $(if $(findstring --jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

# Where `make install` writes, and what it needs to write there.
pkglibdir = $(DESTDIR)$(shell $(PG_CONFIG) --pkglibdir)
sudo = $(if $(DESTDIR),,$(shell [ -w $(pkglibdir) ] && [ -w $(PREFIX) ] || [ "$$(id -u)" = 0 ] || echo sudo))

cxx_files = $(wildcard $(addsuffix /*.cpp,$(cxx_dirs)) $(addsuffix /*.hpp,$(cxx_dirs)) $(addsuffix /*.h,$(cxx_dirs)))
cxx_dirs = $(sort $(patsubst %/,%,$(dir $(shell find extension receiver test -name '*.cpp'))))

all: ## build the extension and the receiver
	@.ci/install-packages build
	+@$(again) extension receiver

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 14

extension:
	+$(pgxs) $(jobs) all

receiver: build/Makefile
	+$(again) -C build $(jobs) msgstatus-receiver msgstatus-refresh msgstatus-console

bench-client: build/Makefile
	@cmake build >/dev/null # a build directory from before this target existed does not know it
	+$(again) -C build $(jobs) msgstatus-bench-client

# The C++ tests need GoogleTest, which a machine that only builds need not have.
build/Makefile:
	cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF

everything: extension
	cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=ON
	+$(again) -C build $(jobs) all

# The fuzz targets have a build directory of their own, since clang and its sanitizers build them.
build/fuzz/Makefile:
	cmake -S . -B build/fuzz -DMSGSTATUS_FUZZ=ON -DCMAKE_CXX_COMPILER=clang++

fuzz-targets: build/fuzz/Makefile
	@cmake build/fuzz -DPG_CONFIG=$$(command -v $(PG_CONFIG)) >/dev/null
	+$(again) -C build/fuzz $(jobs) fuzz-targets

install: ## install both, through sudo where that is needed
	@.ci/install-packages install
	+@$(again) extension receiver
	+@$(sudo) $(again) install-files DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' bindir='$(bindir)' unitdir='$(unitdir)' \
		PG_CONFIG='$(PG_CONFIG)'
	@[ -n '$(DESTDIR)' ] || .ci/after-install

install-files:
	+$(pgxs) install
	install -D -m 755 build/receiver/msgstatus-receiver '$(DESTDIR)$(bindir)/msgstatus-receiver'
	install -D -m 755 build/receiver/refresh/msgstatus-refresh '$(DESTDIR)$(bindir)/msgstatus-refresh'
	install -D -m 755 build/receiver/console/msgstatus-console '$(DESTDIR)$(bindir)/msgstatus-console'
	install -D -m 644 -t '$(DESTDIR)$(unitdir)' $(wildcard receiver/systemd/*)
	sed -i 's|/usr/local/bin/|$(bindir)/|' '$(DESTDIR)$(unitdir)'/msgstatus-receiver.service '$(DESTDIR)$(unitdir)'/msgstatus-receiver@.service \
		'$(DESTDIR)$(unitdir)'/msgstatus-refresh.service '$(DESTDIR)$(unitdir)'/msgstatus-console.service

uninstall: ## remove what `make install` put into place
	+$(sudo) $(pgxs) uninstall
	$(sudo) rm -f '$(DESTDIR)$(bindir)/msgstatus-console' '$(DESTDIR)$(unitdir)'/msgstatus-console.service
	$(sudo) rm -f '$(DESTDIR)$(bindir)/msgstatus-refresh' '$(DESTDIR)$(unitdir)'/msgstatus-refresh.service
	$(sudo) rm -f '$(DESTDIR)$(bindir)/msgstatus-receiver' '$(DESTDIR)$(unitdir)'/msgstatus-receiver.service \
		'$(DESTDIR)$(unitdir)'/msgstatus-receiver.socket '$(DESTDIR)$(unitdir)'/msgstatus-receiver@.service \
		'$(DESTDIR)$(unitdir)'/msgstatus-receiver@.socket

check: ## install what is missing, build, run every test on private servers
	@.ci/install-packages check
	+@$(again) everything fuzz-targets with_llvm=no
	+@test/check

installcheck: ## run the SQL tests against a server that runs and has the extension installed (PGHOST, PGPORT, ...)
	+$(pgxs) installcheck

demo: ## install what is missing, build, start a private database and the receiver, send webhooks, show what came of them
	+@test/demo/demo start

down: ## stop the demo and remove everything it made
	@test/demo/demo stop

reference: ## bring docs/reference/ up to date with the catalog
	+@$(again) extension
	@test/docs/reference.py

deb: ## build Debian packages into build/deb (see deb/README.md)
	@.ci/install-packages deb
	@deb/build

check-packages: ## build, install, upgrade and purge the packages on this machine, which may be thrown away
	@test/packages/check

check-containers: ## build the images of deb/containers from the packages in build/deb and run them, with buildah
	@.ci/install-packages containers
	@test/containers/check

check-upgrade: ## take a database by pg_upgrade through every version of PostgreSQL that is installed
	@.ci/install-packages upgrade
	+@test/upgrade/check

dist: ## build the release's archives into build/dist: for PGXN, and as a tarball, with checksums
	@.ci/install-packages dist
	@.ci/dist

bench: ## measure (see docs/performance.md)
	@.ci/install-packages bench
	+@$(again) extension receiver bench-client
	+@test/bench/run

soak: ## pull plugs at full load until 200 have been pulled (see test/crash/README.md)
	@.ci/install-packages check
	+@$(again) extension receiver
	+@test/crash/soak

fuzz: ## look for inputs that crash, leak, or break what must always hold (see test/fuzz)
	@.ci/install-packages fuzz
	+@$(again) extension fuzz-targets
	+@test/fuzz/run

sanitized: ## run the tests of the programs on ones that are built with sanitizers (see test/bin/sanitized)
	@.ci/install-packages check
	+@$(again) everything
	+@test/bin/sanitized

coverage: ## print which lines of the extension and the receiver the tests run, by room (see test/bin/coverage)
	@.ci/install-packages check
	@test/bin/coverage $(SUITES)

format: ## format the C++ code
	@.ci/install-packages lint
	clang-format -i $(cxx_files)

lint: ## check the format of the C++ code and what clang-tidy says about it
	@.ci/install-packages build check lint
	clang-format --dry-run --Werror $(cxx_files)
	+@.ci/lint

clean: ## remove what building and testing made
	rm -rf build results regression.diffs regression.out output_iso tmp_check tmp_check_iso .pytest_cache msgstatus*.so
	rm -f extension/msgstatus--*.sql
	find extension \( -name '*.o' -o -name '*.bc' -o -name '*.d' \) -delete
	find test -name __pycache__ -prune -exec rm -rf {} +

endif
