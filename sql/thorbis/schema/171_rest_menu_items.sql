-- purpose: table rest.menu_items: one row per dish of a restaurant's menu
-- minimum version: 14
CREATE TABLE IF NOT EXISTS rest.menu_items (
    business_id bigint NOT NULL REFERENCES tenant_mgmt.businesses (id),
    item_number integer NOT NULL CHECK (item_number > 0),
    category_id smallint NOT NULL CHECK (category_id > 0),
    name text NOT NULL CHECK (name <> ''),
    price numeric(12, 2) NOT NULL CHECK (price >= 0),
    is_available boolean NOT NULL DEFAULT true,
    popularity_score numeric(5, 2) NOT NULL DEFAULT 0 CHECK (popularity_score BETWEEN 0 AND 100),
    PRIMARY KEY (business_id, item_number)
);
COMMENT ON TABLE rest.menu_items IS 'One row per dish of a restaurant''s menu.';
