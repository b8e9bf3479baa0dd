-- Every object has a COMMENT.
BEGIN;
SELECT no_plan();

-- Of the extension's objects some are in pg_catalog.
CREATE FUNCTION pg_temp.is_member(catalog regclass, object oid) RETURNS boolean LANGUAGE sql AS $$
    SELECT EXISTS (SELECT FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
        WHERE e.extname = 'msgstatus' AND d.deptype = 'e' AND d.classid = catalog AND d.objid = object)
$$;
CREATE TEMP TABLE object AS
SELECT 'relation ' || c.oid::regclass AS name, obj_description(c.oid, 'pg_class') AS comment
FROM pg_class AS c WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
UNION ALL
SELECT format('column %s.%s', a.attrelid::regclass, a.attname), col_description(a.attrelid, a.attnum)
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'function ' || p.oid::regprocedure, obj_description(p.oid, 'pg_proc') FROM pg_proc AS p
WHERE p.pronamespace = 'msgstatus'::regnamespace OR pg_temp.is_member('pg_proc', p.oid)
UNION ALL
SELECT 'type ' || t.oid::regtype, obj_description(t.oid, 'pg_type') FROM pg_type AS t
WHERE t.typnamespace = 'msgstatus'::regnamespace AND t.typelem = 0 AND (t.typrelid = 0 OR (SELECT relkind FROM pg_class WHERE oid = t.typrelid) = 'c')
UNION ALL
SELECT 'operator ' || o.oid::regoperator, obj_description(o.oid, 'pg_operator') FROM pg_operator AS o
WHERE o.oprnamespace = 'msgstatus'::regnamespace OR pg_temp.is_member('pg_operator', o.oid)
UNION ALL
SELECT 'operator class ' || o.opcname, obj_description(o.oid, 'pg_opclass') FROM pg_opclass AS o WHERE o.opcnamespace = 'msgstatus'::regnamespace
UNION ALL
SELECT 'operator family ' || o.opfname, obj_description(o.oid, 'pg_opfamily') FROM pg_opfamily AS o WHERE o.opfnamespace = 'msgstatus'::regnamespace
UNION ALL
SELECT format('cast %s as %s', c.castsource::regtype, c.casttarget::regtype), obj_description(c.oid, 'pg_cast') FROM pg_cast AS c
WHERE (SELECT typnamespace FROM pg_type WHERE oid = c.castsource) = 'msgstatus'::regnamespace
    OR (SELECT typnamespace FROM pg_type WHERE oid = c.casttarget) = 'msgstatus'::regnamespace
UNION ALL
SELECT 'event trigger ' || e.evtname, obj_description(e.oid, 'pg_event_trigger') FROM pg_event_trigger AS e WHERE pg_temp.is_member('pg_event_trigger', e.oid)
UNION ALL
SELECT 'schema', obj_description('msgstatus'::regnamespace, 'pg_namespace')
UNION ALL
SELECT 'extension', obj_description(oid, 'pg_extension') FROM pg_extension WHERE extname = 'msgstatus';

SELECT cmp_ok((SELECT count(*) FROM object), '>', 150::bigint, 'there are objects');
SELECT is_empty($$SELECT name FROM object WHERE COALESCE(comment, '') = ''$$, 'each has a comment');

SELECT finish();
ROLLBACK;
