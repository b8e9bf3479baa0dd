# Turns the statements that make the extension into statements that bring an earlier version of it up to date: what is
# there already is replaced, or stays. Reads the SQL of the rooms, whose statements begin in the first column.

function begin_statement() {
    if ($0 ~ /^CREATE (FUNCTION|AGGREGATE) /) {
        # A function whose result or names of parameters changed cannot be replaced.
        kind = "function"
        name = $3
        sub(/\(.*/, "", name)
        sub(/^CREATE /, "CREATE OR REPLACE ")
        print "DO $update$ BEGIN FOR attempt IN 1..2 LOOP BEGIN"
    } else if ($0 ~ /^CREATE EVENT TRIGGER /) {
        print "DROP EVENT TRIGGER IF EXISTS " $4 ";"
    } else if ($0 ~ /^CREATE TYPE .* AS \(/) {
        kind = "row type"
        name = $3
        sub(/^CREATE TYPE [^ ]+/, "CREATE TYPE msgstatus.updated_row_type")
    } else if ($0 ~ /^CREATE (TYPE|CAST|OPERATOR|SCHEMA) /) {
        kind = "whole"
        print "DO $update$ BEGIN"
    } else if ($0 !~ /^COMMENT ON /) {
        print FILENAME ":" FNR ": an update cannot tell what to do with: " $0 > "/dev/stderr"
        failed = 1
        exit 1
    }
}

function end_statement() {
    if (kind == "function")
        print "EXIT; EXCEPTION WHEN invalid_function_definition THEN IF attempt = 2 THEN RAISE; END IF;\n" \
            "PERFORM msgstatus.drop_earlier_functions(" quote name quote "); END; END LOOP; END $update$;"
    else if (kind == "whole")
        print "EXCEPTION WHEN duplicate_object OR duplicate_function OR duplicate_schema THEN NULL;\nEND $update$;"
    else if (kind == "row type")
        print "SELECT msgstatus.update_row_type(" quote name quote ");"
    kind = ""
}

BEGIN { quote = "'" }

# Only the script that makes the extension ends psql.
/^\\/ { next }

# The statement before ended in its own line, and neither a body in dollars nor one in BEGIN ATOMIC is open.
!under_way && /^[A-Z]/ { under_way = 1; begin_statement() }

{
    print
    line = $0
    while (match(line, /\$[a-z_]*\$/)) {
        in_dollars = !in_dollars
        line = substr(line, RSTART + RLENGTH)
    }
    # The end of the body stands below its beginning; one that is further right ends a CASE.
    if ($0 ~ /^ *BEGIN ATOMIC$/) {
        atomic_end = $0
        sub(/BEGIN ATOMIC$/, "END;", atomic_end)
    } else if ($0 == atomic_end)
        atomic_end = ""
    if (under_way && !in_dollars && atomic_end == "" && /;$/) {
        end_statement()
        under_way = 0
    }
}

END {
    if (!failed && under_way) {
        print "a statement has no end" > "/dev/stderr"
        exit 1
    }
}
