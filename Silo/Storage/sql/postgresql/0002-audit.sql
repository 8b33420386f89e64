-- Audit records: hash chain per tenant, computed by the audit grain. Only appended to.
CREATE TABLE audit_record
(
    tenant  text COLLATE "C" NOT NULL,
    number  bigint           NOT NULL,
    at      bigint           NOT NULL, -- UTC, ticks of 100 ns since 0001-01-01: what the chain was computed over, where a timestamp would round
    actor   text COLLATE "C" NOT NULL,
    action  text COLLATE "C" NOT NULL,
    result  integer          NOT NULL,
    origin  text             NOT NULL,
    object  text COLLATE "C" NOT NULL,
    detail  text             NOT NULL,
    hash    bytea            NOT NULL,
    PRIMARY KEY (tenant, number)
);

CREATE INDEX audit_record_action ON audit_record (tenant, action, number);
CREATE INDEX audit_record_actor  ON audit_record (tenant, actor, number);
CREATE INDEX audit_record_object ON audit_record (tenant, object, number);
CREATE INDEX audit_record_at     ON audit_record (tenant, at, number);

CREATE TABLE audit_head
(
    tenant text COLLATE "C" NOT NULL PRIMARY KEY,
    number bigint           NOT NULL,
    hash   bytea            NOT NULL,
    mac    bytea            NOT NULL
) WITH (fillfactor = 80);

-- A speed bump for accidents. Whoever owns the table can drop a trigger: the keyed hashes of the chain are what reveals that.
CREATE FUNCTION refuse_to_change_audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'audit records are never changed or removed'; END $$;
CREATE TRIGGER audit_record_is_not_changed BEFORE UPDATE OR DELETE ON audit_record FOR EACH ROW EXECUTE FUNCTION refuse_to_change_audit();
CREATE TRIGGER audit_record_is_not_emptied BEFORE TRUNCATE ON audit_record FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_audit();
