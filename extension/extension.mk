# What PGXS builds and installs of the extension. Included by the Makefile at the root, before PGXS itself.
#
# The flags stand in PG_CPPFLAGS because those alone reach both the compiler and the bitcode that JIT inlines from.

EXTENSION_VERSION = 0.1.0

# The floors of the house, from the ground up. The C++ of a room includes rooms of lower floors only
# (test/docs/test_floors.py); its SQL runs after theirs. A room of the top floor is SQL alone.
FLOOR_1 = core
FLOOR_2 = postgres
FLOOR_3 = install types observation
FLOOR_4 = privacy message trail webhook attach guard
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
SQL_privacy = stand_in mask_numbers mask_address
SQL_message = known_events message_change table indexes error_code_catalog views
SQL_trail = event_row table partitions trail_holds message_history
SQL_webhook = content_setting keep_content
SQL_attach = tables views registry facts column_takes spelling columns content preview_attach label_is_below timeline \
	update_statement history attach_table detach_table
SQL_guard = keep_status_order
SQL_rollup = rollup_row tables prefix_rollup recipient_windows verify fold count_recipients
SQL_reflect = reflection reflect resync_table
SQL_dead_letter = rejection table views reject_webhook replay_rejected
SQL_analytics = numbers volume_views summary_views breakdown_views engagement_views waiting_views view_comments \
	message_filter log_position prefix_counts find_messages message_log message_stats waiting_messages best_send_hour engagement
SQL_apply = apply apply_rejected register_message
SQL_import = import_statuses
SQL_refresh = tables views refreshable request claim worker reconcile
SQL_campaign = tables views campaign campaign_stats recipients opt_out sender_limit daily_limit sending_hours claim record_send
SQL_alert = tables views metrics alerts
SQL_maintenance = table purge maintain
SQL_publish = publish
SQL_weblog = parameters rows messages message csv counts action_log rejected refresh campaigns session health

# What is granted to nobody is said last, when everything is there.
EXTENSION_SQL = $(foreach room,$(ROOMS),$(SQL_$(room):%=extension/$(room)/%.sql)) extension/install/privileges.sql

MODULE_big = msgstatus
OBJS = $(patsubst %.cpp,%.o,$(foreach room,$(ROOMS),$(wildcard extension/$(room)/*.cpp)))

EXTENSION = extension/msgstatus
DATA_built = extension/msgstatus--$(EXTENSION_VERSION).sql

PG_CPPFLAGS = -std=c++20 -DMSGSTATUS_VERSION=\"$(EXTENSION_VERSION)\" -fno-exceptions -fno-rtti -fvisibility=hidden \
	-Iextension -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CXXFLAGS = -Wall -Wextra -Wpedantic -Werror
SHLIB_LINK += -lstdc++

extension/msgstatus--$(EXTENSION_VERSION).sql: $(EXTENSION_SQL) extension/extension.mk
	cat $(EXTENSION_SQL) > $@

EXTRA_CLEAN += extension/msgstatus--$(EXTENSION_VERSION).sql

# pg_regress: every sql/*.sql in the order of names, in one database that has the extension.
REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=msgstatus --encoding=UTF8 --no-locale

# pg_isolation_regress: every specification in test/isolation.
ISOLATION = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=msgstatus --encoding=UTF8 --no-locale
