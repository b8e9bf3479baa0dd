-- mask_numbers(): masks phone numbers inside other texts, such as the words of a provider.

CREATE FUNCTION msgstatus.mask_numbers(words text) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'mask_numbers';
COMMENT ON FUNCTION msgstatus.mask_numbers(text) IS
    'The text with *** in place of everything that may be or hold a phone number: seven digits or more, ids, base64';
