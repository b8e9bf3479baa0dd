-- label_is_below(): compares a label in a user's column with a state; the UPDATE statements of attached tables call it.

CREATE FUNCTION msgstatus.label_is_below(
    label text, labels text[], states msgstatus.delivery_state[], state msgstatus.delivery_state
) RETURNS boolean
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'label_is_below';
COMMENT ON FUNCTION msgstatus.label_is_below(text, text[], msgstatus.delivery_state[], msgstatus.delivery_state) IS
    'Whether a label means a lower state than the given one, or no state; each of the labels means the state at its place in the other array, and a label in lower case matches in any case';
