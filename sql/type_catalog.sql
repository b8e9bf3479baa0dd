-- What the catalog says about the extension: comments, privileges, volatility, estimators.
SET search_path = public, msgstatus;

-- Every object of the extension has a comment. (Array and row types are made by PostgreSQL along with their types.)
SELECT pg_describe_object(d.classid, d.objid, 0) AS "without a comment"
FROM pg_depend AS d
LEFT JOIN pg_type AS t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'msgstatus')
  AND t.typcategory IS DISTINCT FROM 'A'
  AND coalesce(obj_description(d.objid, d.classid::regclass::name), '') = ''
ORDER BY 1;
SELECT obj_description(oid, 'pg_extension') <> '' AS "extension has a comment" FROM pg_extension WHERE extname = 'msgstatus';

-- Columns of its composite types, too.
SELECT a.attrelid::regclass, a.attname AS "without a comment"
FROM pg_depend AS d
JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind <> 'c'
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'msgstatus')
  AND col_description(a.attrelid, a.attnum) IS NULL
ORDER BY 1, 2;

-- Everything in the schema belongs to the extension, and the schema too.
SELECT pg_describe_object('pg_proc'::regclass, p.oid, 0) AS "not of the extension" FROM pg_proc AS p
WHERE p.pronamespace = 'msgstatus'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1;
SELECT count(*) FROM pg_depend WHERE classid = 'pg_namespace'::regclass AND objid = 'msgstatus'::regnamespace AND deptype = 'e';

-- Nothing is granted to PUBLIC, neither outright nor by default.
SELECT p.oid::regprocedure AS "granted to PUBLIC", a.privilege_type
FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
WHERE p.pronamespace = 'msgstatus'::regnamespace AND a.grantee = 0
ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT t.oid::regtype AS "granted to PUBLIC", a.privilege_type
FROM pg_type AS t, aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) AS a
WHERE t.typnamespace = 'msgstatus'::regnamespace AND t.typcategory <> 'A' AND a.grantee = 0
ORDER BY t.oid::regtype::text COLLATE "C";
SELECT n.nspname AS "granted to PUBLIC", a.privilege_type
FROM pg_namespace AS n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
WHERE n.nspname = 'msgstatus' AND a.grantee = 0;
SELECT c.oid::regclass AS "granted to PUBLIC", a.privilege_type
FROM pg_class AS c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS a
WHERE c.relnamespace = 'msgstatus'::regnamespace AND a.grantee = 0
ORDER BY c.oid::regclass::text COLLATE "C";

-- Functions of the types are immutable, strict, parallel safe and nobody's but the caller's.
SELECT p.oid::regprocedure AS "not as it should be", provolatile, proisstrict, proparallel, prosecdef FROM pg_proc AS p
WHERE p.pronamespace = 'msgstatus'::regnamespace AND p.prokind = 'f'
  AND (p.proname ~ '^(delivery_state|message_status|delay_histogram)(_|$)'
       OR p.proname IN ('is_failure', 'is_final', 'state', 'observed_at', 'reached_at', 'delivery_delay', 'read_delay',
                         'failure_delay', 'count', 'total', 'average', 'percentile', 'percentile_seconds'))
  -- The state of an aggregate is NULL at first.
  AND NOT (provolatile = 'i' AND (proisstrict OR prorettype = 'internal'::regtype) AND proparallel = 's' AND NOT prosecdef)
ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT a.aggfnoid::regprocedure, a.aggtransfn, a.aggcombinefn, a.aggtranstype::regtype, p.proparallel, a.aggsortop::regoperator
FROM pg_aggregate AS a JOIN pg_proc AS p ON p.oid = a.aggfnoid
WHERE p.proargtypes[0] IN ('delivery_state'::regtype, 'message_status'::regtype, 'delay_histogram'::regtype) ORDER BY p.proname;

-- Every operator with its mirror, its opposite, its estimators.
SELECT o.oid::regoperator AS operator, o.oprresult::regtype AS result, nullif(o.oprcom, 0)::regoper AS commutator,
       nullif(o.oprnegate, 0)::regoper AS negator, nullif(o.oprrest, 0)::regproc AS restrict, nullif(o.oprjoin, 0)::regproc AS join,
       o.oprcanhash AS hashes, o.oprcanmerge AS merges
FROM pg_operator AS o
WHERE o.oprleft IN ('delivery_state'::regtype, 'message_status'::regtype) OR o.oprright = 'delay_histogram'::regtype
ORDER BY o.oprleft::regtype::text, o.oprname COLLATE "C";
-- Every operator that tells yes or no can be estimated.
SELECT o.oid::regoperator AS "without an estimator" FROM pg_operator AS o
WHERE (o.oprnamespace = 'msgstatus'::regnamespace OR o.oprleft IN ('delivery_state'::regtype, 'message_status'::regtype))
  AND o.oprresult = 'boolean'::regtype AND (o.oprrest = 0 OR o.oprjoin = 0);

-- The types themselves.
SELECT typname, typlen, typbyval, typalign, typstorage, typinput, typoutput, typreceive, typsend
FROM pg_type WHERE oid IN ('delivery_state'::regtype, 'message_status'::regtype, 'delay_histogram'::regtype) ORDER BY typname;
SELECT c.castsource::regtype, c.casttarget::regtype, c.castfunc::regprocedure, c.castcontext
FROM pg_cast AS c WHERE 'message_status'::regtype IN (c.castsource, c.casttarget) ORDER BY c.castsource;
