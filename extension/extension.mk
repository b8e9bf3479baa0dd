# What PGXS builds and installs of the extension. Included by the Makefile at the root, before PGXS itself.
#
# The flags stand in PG_CPPFLAGS because those alone reach both the compiler and the bitcode that JIT inlines from.

EXTENSION_VERSION = 0.2.0
SERIES = $(subst $() ,.,$(wordlist 1,2,$(subst ., ,$(EXTENSION_VERSION))))

# The floors of the house, from the ground up. The C++ of a room includes rooms of lower floors only
# (test/docs/test_floors.py); its SQL runs after theirs. Most of the top floors are SQL alone.
FLOOR_1 = core
FLOOR_2 = postgres
FLOOR_3 = install types observation provider
FLOOR_4 = privacy message alias trail webhook attach guard
FLOOR_5 = rollup reflect dead_letter analytics
FLOOR_6 = apply
FLOOR_7 = import refresh
FLOOR_8 = campaign alert maintenance publish
FLOOR_9 = weblog
ROOMS = $(foreach floor,1 2 3 4 5 6 7 8 9,$(FLOOR_$(floor)))

# The SQL of each room, in the order in which it runs.
SQL_install = schema installation_table check_installation replica_identity install grant_access
SQL_types = delivery_state message_status delay_histogram state_names
SQL_observation = normalize_address
SQL_provider = check_description tables define_provider
SQL_privacy = stand_in mask_numbers mask_address
SQL_message = known_events message_change table indexes error_code_catalog views
SQL_alias = table
SQL_trail = event_row table partitions trail_holds message_history
SQL_webhook = content_setting keep_content explain_webhook
SQL_attach = tables views registry facts column_takes spelling columns content preview_attach label_is_below timeline \
	update_statement history install_statements attach_table detach_table
SQL_guard = keep_status_order
SQL_rollup = rollup_row tables prefix_rollup recipient_windows verify fold count_recipients
SQL_reflect = reflection reflect resync_table
SQL_dead_letter = rejection table views reject_webhook replay_rejected
SQL_analytics = numbers volume_views summary_views breakdown_views engagement_views waiting_views view_comments \
	message_filter log_position prefix_counts find_messages message_log message_stats waiting_messages best_send_hour engagement
SQL_apply = apply apply_fetched apply_rejected register_message
SQL_import = import_statuses
SQL_refresh = tables views refreshable request claim worker reconcile
SQL_campaign = tables views campaign campaign_stats recipients opt_out sender_limit daily_limit sending_hours claim record_send
SQL_alert = tables views metrics alerts
SQL_maintenance = table purge maintain
SQL_publish = publish
SQL_weblog = parameters rows messages message csv counts action_log rejected refresh campaigns session health

# What is granted to nobody is said last, when everything is there.
ROOM_SQL = $(foreach room,$(ROOMS),$(SQL_$(room):%=extension/$(room)/%.sql))
PRIVILEGES = extension/install/privileges.sql
EXTENSION_SQL = $(ROOM_SQL) $(PRIVILEGES)

# The releases from which an update leads to this version: see extension/updates/README.md.
UPDATES_FROM = 0.1.0
UPDATES = $(UPDATES_FROM:%=extension/msgstatus--%--$(EXTENSION_VERSION).sql)

MODULE_big = msgstatus-$(SERIES)
OBJS = $(patsubst %.cpp,%.o,$(foreach room,$(ROOMS),$(wildcard extension/$(room)/*.cpp)))

EXTENSION = extension/msgstatus
DATA_built = extension/msgstatus--$(EXTENSION_VERSION).sql $(UPDATES)

PG_CPPFLAGS = -std=c++20 -DMSGSTATUS_VERSION=\"$(EXTENSION_VERSION)\" -fno-exceptions -fno-rtti -fvisibility=hidden \
	-Iextension -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CXXFLAGS = -Wall -Wextra -Wpedantic -Werror
SHLIB_LINK += -lstdc++ -Wl,-Bsymbolic

extension/msgstatus--$(EXTENSION_VERSION).sql: $(EXTENSION_SQL) extension/extension.mk
	cat $(EXTENSION_SQL) > $@

$(UPDATES): extension/msgstatus--%--$(EXTENSION_VERSION).sql: extension/updates/%.sql $(EXTENSION_SQL) extension/extension.mk \
		$(addprefix extension/updates/,replacing.awk begin.sql end.sql)
	awk -f extension/updates/replacing.awk $(ROOM_SQL) > $@.part
	cat extension/updates/begin.sql $< $@.part extension/updates/end.sql $(PRIVILEGES) > $@
	rm $@.part

# The descriptions of providers, embedded in the library.
builtin_descriptions = extension/provider/builtin_descriptions.inc
$(builtin_descriptions): $(sort $(wildcard extension/provider/builtin/*.json)) extension/extension.mk
	for file in $(filter %.json,$^); do printf '{"%s", R"json(' "$$(basename "$$file" .json)" && cat "$$file" && echo ')json"},' || exit; \
	done > $@
extension/provider/builtin.o: $(builtin_descriptions)

EXTRA_CLEAN += $(DATA_built) $(builtin_descriptions)

# pg_regress: every sql/*.sql in the order of names, in one database that has the extension.
REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=msgstatus --encoding=UTF8 --no-locale

# pg_isolation_regress: every specification in test/isolation.
ISOLATION = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=msgstatus --encoding=UTF8 --no-locale
