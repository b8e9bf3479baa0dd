-- attach_table has to see what is written while it waits.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT plan(1);
CREATE TABLE public.logs (sid text PRIMARY KEY, status text);
SELECT throws_ok($$SELECT msgstatus.attach_table('public.logs', 'sid')$$, '25000', 'attach_table() requires isolation level READ COMMITTED');
SELECT finish();
ROLLBACK;
