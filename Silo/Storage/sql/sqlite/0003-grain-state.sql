-- Grain state as SqliteStateTable reads and writes it. The Orleans AdoNet provider, whose rows stood in OrleansStorage, knew the same rows by
-- seven columns, of which the state's name and the grain's key tell them apart.
CREATE TABLE grain_state
(
    state   TEXT    NOT NULL,
    grain   TEXT    NOT NULL, -- key of the grain
    version INTEGER NOT NULL, -- counts its writes
    payload BLOB    NOT NULL, -- ciphertext
    PRIMARY KEY (state, grain)
) WITHOUT ROWID;

INSERT INTO grain_state (state, grain, version, payload)
SELECT GrainTypeString, GrainIdExtensionString, Version, PayloadBinary FROM OrleansStorage;

DROP TABLE OrleansStorage;
DROP TABLE OrleansQuery;
