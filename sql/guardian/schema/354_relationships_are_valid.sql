-- purpose: triggers relationships_are_valid_*: what validates guardian.medical_data_relationships (G-36)
-- minimum version: 14
CREATE OR REPLACE TRIGGER relationships_are_valid_insert
    AFTER INSERT ON guardian.medical_data_relationships
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.validate_relationships();
CREATE OR REPLACE TRIGGER relationships_are_valid_update
    AFTER UPDATE ON guardian.medical_data_relationships
    REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION guardian.validate_relationships();
