"""Everything that CREATE EXTENSION and install() make, in the words of the catalog: to compare two databases."""

import collections

CATALOG = """
WITH member AS (
    -- An oid is one of its catalog: pg_upgrade gives a function the number that a type has.
    SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'msgstatus'
), relation AS (
    SELECT c.* FROM pg_class AS c WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S', 'c')
)
SELECT 'member' AS kind, pg_describe_object(m.classid, m.objid, 0) AS name, obj_description(m.objid, m.classid::regclass::name) AS is
FROM member AS m
UNION ALL
-- With what it stands on: an operator in pg_catalog is another than one in msgstatus.
SELECT DISTINCT 'dependency', pg_describe_object(d.classid, d.objid, d.objsubid), concat_ws(' ', pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid), d.deptype)
FROM member AS m JOIN pg_depend AS d USING (classid, objid)
UNION ALL
SELECT 'function', p.oid::regprocedure::text, concat_ws(' ', pg_get_function_result(p.oid), pg_get_function_arguments(p.oid), p.prokind,
    p.provolatile, p.proparallel, p.proisstrict, p.proleakproof, p.prosecdef, p.procost, p.prorows, p.prosupport, p.proconfig, p.probin, p.prosrc,
    pg_get_function_sqlbody(p.oid))
FROM pg_proc AS p WHERE p.pronamespace = 'msgstatus'::regnamespace OR p.oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)
UNION ALL
SELECT 'aggregate', a.aggfnoid::text, (to_jsonb(a) || jsonb_build_object('aggtranstype', a.aggtranstype::regtype,
    'aggsortop', a.aggsortop::regoperator))::text FROM pg_aggregate AS a WHERE a.aggfnoid::oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)
UNION ALL
SELECT 'operator', o.oid::regoperator::text, concat_ws(' ', o.oprnamespace::regnamespace, o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator,
    o.oprrest, o.oprjoin, o.oprcanmerge, o.oprcanhash, o.oprresult::regtype)
FROM pg_operator AS o WHERE o.oid IN (SELECT objid FROM member WHERE classid = 'pg_operator'::regclass)
UNION ALL
SELECT 'operator of family', f.opfname, pg_describe_object('pg_amop'::regclass, a.oid, 0)
FROM pg_amop AS a JOIN pg_opfamily AS f ON f.oid = a.amopfamily WHERE f.oid IN (SELECT objid FROM member WHERE classid = 'pg_opfamily'::regclass)
UNION ALL
SELECT 'function of family', f.opfname, pg_describe_object('pg_amproc'::regclass, a.oid, 0)
FROM pg_amproc AS a JOIN pg_opfamily AS f ON f.oid = a.amprocfamily WHERE f.oid IN (SELECT objid FROM member WHERE classid = 'pg_opfamily'::regclass)
UNION ALL
SELECT 'class', c.opcname, concat_ws(' ', c.opcintype::regtype, c.opcdefault, c.opckeytype::regtype, c.opcmethod)
FROM pg_opclass AS c WHERE c.oid IN (SELECT objid FROM member WHERE classid = 'pg_opclass'::regclass)
UNION ALL
SELECT 'type', t.oid::regtype::text, concat_ws(' ', t.typlen, t.typbyval, t.typtype, t.typcategory, t.typispreferred, t.typinput, t.typoutput, t.typreceive,
    t.typsend, t.typanalyze, t.typalign, t.typstorage, t.typcollation, t.typsubscript)
FROM pg_type AS t WHERE t.oid IN (SELECT objid FROM member WHERE classid = 'pg_type'::regclass)
UNION ALL
SELECT 'cast', concat_ws(' ', c.castsource::regtype, c.casttarget::regtype), concat_ws(' ', c.castfunc::regprocedure, c.castcontext, c.castmethod)
FROM pg_cast AS c WHERE c.oid IN (SELECT objid FROM member WHERE classid = 'pg_cast'::regclass)
UNION ALL
SELECT 'event trigger', e.evtname, concat_ws(' ', e.evtevent, e.evtfoid::regprocedure, e.evtenabled, e.evttags) FROM pg_event_trigger AS e
UNION ALL
SELECT 'relation', c.relname, concat_ws(' ', c.relkind, c.relpersistence, c.relreplident, c.relrowsecurity, c.reloptions, obj_description(c.oid, 'pg_class'))
FROM relation AS c
UNION ALL
-- The order of columns counts in views and row types; a table gets a new column at its end.
SELECT 'column', concat_ws('.', c.relname, a.attname), concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation, a.attnotnull,
    a.attidentity, a.attgenerated, a.attstorage, pg_get_expr(d.adbin, d.adrelid), col_description(a.attrelid, a.attnum),
    CASE WHEN c.relkind IN ('v', 'c') THEN row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum) END)
FROM relation AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
UNION ALL
SELECT 'view', c.relname, pg_get_viewdef(c.oid) FROM relation AS c WHERE c.relkind = 'v'
UNION ALL
SELECT 'index', concat_ws('.', i.indrelid::regclass, i.indexrelid::regclass), concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisreplident,
    obj_description(i.indexrelid, 'pg_class'))
FROM pg_index AS i WHERE i.indrelid IN (SELECT oid FROM relation)
UNION ALL
-- From PostgreSQL 18 on NOT NULL is a constraint, whose name tells only whether a dump of an older server made the table.
SELECT 'constraint', concat_ws('.', k.conrelid::regclass, CASE WHEN k.contype <> 'n' THEN k.conname END), concat_ws(' ', pg_get_constraintdef(k.oid), k.convalidated, obj_description(k.oid, 'pg_constraint'))
FROM pg_constraint AS k WHERE k.conrelid IN (SELECT oid FROM relation)
UNION ALL
SELECT 'statistics', s.stxname, concat_ws(' ', pg_get_statisticsobjdef(s.oid), obj_description(s.oid, 'pg_statistic_ext'))
FROM pg_statistic_ext AS s WHERE s.stxnamespace = 'msgstatus'::regnamespace
UNION ALL
-- Without parentheses: a dump has fewer of them where rows are compared.
SELECT 'trigger', concat_ws('.', t.tgrelid::regclass, t.tgname), concat_ws(' ', translate(pg_get_triggerdef(t.oid), '()', ''), t.tgenabled, obj_description(t.oid, 'pg_trigger'))
FROM pg_trigger AS t WHERE t.tgrelid IN (SELECT oid FROM relation) AND NOT t.tgisinternal
UNION ALL
SELECT 'privilege', concat_ws(' ', a.grantee::regrole, r.name), concat_ws(' ', a.privilege_type, a.is_grantable, 'by', a.grantor::regrole)
FROM (
    SELECT c.oid::regclass::text, COALESCE(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)) FROM relation AS c
    UNION ALL
    SELECT c.oid::regclass || '.' || a.attname, a.attacl FROM relation AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
    UNION ALL
    SELECT p.oid::regprocedure::text, COALESCE(p.proacl, acldefault('f', p.proowner)) FROM pg_proc AS p
    WHERE p.pronamespace = 'msgstatus'::regnamespace OR p.oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)
    UNION ALL
    SELECT t.oid::regtype::text, COALESCE(t.typacl, acldefault('T', t.typowner)) FROM pg_type AS t
    WHERE t.oid IN (SELECT objid FROM member WHERE classid = 'pg_type'::regclass)
    UNION ALL
    SELECT n.nspname, COALESCE(n.nspacl, acldefault('n', n.nspowner)) FROM pg_namespace AS n WHERE n.nspname = 'msgstatus'
) AS r (name, acl), aclexplode(r.acl) AS a
UNION ALL
-- What pg_dump takes for granted and leaves out.
SELECT 'initial privilege', pg_describe_object(i.classoid, i.objoid, i.objsubid), i.initprivs::text
FROM pg_init_privs AS i JOIN member AS m ON (m.classid, m.objid) = (i.classoid, i.objoid)
UNION ALL
SELECT 'extension', e.extname, e.extversion FROM pg_extension AS e WHERE e.extname = 'msgstatus'
"""


def catalog_of(database):
    """Returns the lines of the catalog, with how often each comes."""
    return collections.Counter(database.query(CATALOG))
