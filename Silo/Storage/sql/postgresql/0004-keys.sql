-- The key ring: elements of DataProtection, their keys encrypted to a certificate or a token's key that is not in the database, and secrets encrypted under these keys.
CREATE SEQUENCE key_change;

CREATE TABLE key_element
(
    name    text COLLATE "C" NOT NULL PRIMARY KEY,
    xml     text             NOT NULL,
    changed bigint           NOT NULL DEFAULT nextval('key_change') -- another with each change: silos see by the sum that there was one
);

CREATE TABLE key_secret
(
    name    text COLLATE "C" NOT NULL PRIMARY KEY,
    content bytea            NOT NULL
);
