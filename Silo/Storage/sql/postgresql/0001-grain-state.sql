-- Grain state as PostgresStateTable reads and writes it: the table of script 0003 for SQLite. COLLATE "C": keys are compared and sorted as bytes, on every server alike.
-- A fifth of each page stays free, so that the next version of a row finds room beside it and no index has to change (HOT).
CREATE TABLE grain_state
(
    state   text COLLATE "C" NOT NULL,
    grain   text COLLATE "C" NOT NULL, -- key of the grain
    version bigint           NOT NULL, -- counts its writes
    payload bytea            NOT NULL, -- ciphertext
    PRIMARY KEY (state, grain)
) WITH (fillfactor = 80);

-- Ciphertext cannot be compressed: do not try.
ALTER TABLE grain_state ALTER COLUMN payload SET STORAGE EXTERNAL;
