-- A trigger for tables of the user's.

CREATE FUNCTION msgstatus.keep_status_order() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'keep_status_order';
COMMENT ON FUNCTION msgstatus.keep_status_order() IS
    'For triggers BEFORE UPDATE FOR EACH ROW: the columns named by the arguments never go back in the order of states; a message_status is merged. 39P01, 22023, 42703, 428C9 or 42804 for a trigger that cannot work';
