-- Audit records: hash chain per tenant, computed by the audit grain. Only appended to.
CREATE TABLE audit_record
(
    tenant  TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    at      INTEGER NOT NULL, -- UTC, ticks of 100 ns since 0001-01-01
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    result  INTEGER NOT NULL,
    origin  TEXT    NOT NULL,
    object  TEXT    NOT NULL,
    detail  TEXT    NOT NULL,
    hash    BLOB    NOT NULL,
    PRIMARY KEY (tenant, number)
) WITHOUT ROWID;

CREATE INDEX audit_record_action ON audit_record (tenant, action, number);
CREATE INDEX audit_record_actor  ON audit_record (tenant, actor, number);
CREATE INDEX audit_record_object ON audit_record (tenant, object, number);
CREATE INDEX audit_record_at     ON audit_record (tenant, at, number);

CREATE TABLE audit_head
(
    tenant TEXT    NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    hash   BLOB    NOT NULL,
    mac    BLOB    NOT NULL
) WITHOUT ROWID;

-- A speed bump for accidents. Whoever can write to the file can drop a trigger: the chain's keyed hashes are what reveals that.
CREATE TRIGGER audit_record_is_not_changed BEFORE UPDATE ON audit_record BEGIN SELECT RAISE(ABORT, 'audit records are never changed'); END;
CREATE TRIGGER audit_record_is_not_removed BEFORE DELETE ON audit_record BEGIN SELECT RAISE(ABORT, 'audit records are never removed'); END;
