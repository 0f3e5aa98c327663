-- purpose: function guardian.patient_of: the id of a patient out of a text, NULL if it is none
-- minimum version: 14
CREATE OR REPLACE FUNCTION guardian.patient_of(entity text)
RETURNS uuid
LANGUAGE sql
IMMUTABLE
AS $$
    SELECT CASE
        WHEN entity LIKE '________-____-____-____-____________'
            AND translate(entity, '0123456789abcdefABCDEF', '') = '----'
            THEN entity::uuid
    END
$$;
COMMENT ON FUNCTION guardian.patient_of(text) IS 'The id of a patient out of a text; NULL if it is none.';
