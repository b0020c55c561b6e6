-- name:    审计记录 and the chain over them
-- one row: access_auditrecord: one thing done or read; access_auditlink: its place in the chain
-- source:  docs/decisions/0020-audit-chain.md
--
-- A link's hash is sha256(previous hash || canonical text of the record); the first previous hash is 32 zero bytes.
-- Links are made by a deferred trigger, as the last thing before commit: the lock that orders them is held for the
-- commit alone, and is taken after every other lock of the transaction, so it can take part in no deadlock.

CREATE TABLE access_auditrecord (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT statement_timestamp(),
    account_id   bigint,
    actor        varchar(100) NOT NULL,
    organisation varchar(64) NOT NULL DEFAULT '',
    action       varchar(64) NOT NULL,
    dataset      varchar(128) NOT NULL DEFAULT '',
    target       varchar(200) NOT NULL DEFAULT '',
    purpose      varchar(32) NOT NULL DEFAULT '',
    detail       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX access_auditrecord_at ON access_auditrecord USING brin (at);
CREATE INDEX access_auditrecord_dataset ON access_auditrecord (dataset, id);
CREATE INDEX access_auditrecord_account ON access_auditrecord (account_id, id);

CREATE TABLE access_auditlink (
    number    bigint PRIMARY KEY,
    record_id bigint NOT NULL UNIQUE REFERENCES access_auditrecord (id),
    hash      bytea NOT NULL CHECK (octet_length(hash) = 32)
);

CREATE FUNCTION access_audit_text(r access_auditrecord) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_array(
        r.id, (extract(epoch FROM r.at) * 1000000)::bigint, r.account_id, r.actor, r.organisation, r.action, r.dataset,
        r.target, r.purpose, r.detail
    )::text
$$;

CREATE FUNCTION access_audit_link() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head access_auditlink;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('access_auditlink', 0));
    SELECT * INTO head FROM access_auditlink ORDER BY number DESC LIMIT 1;
    INSERT INTO access_auditlink (number, record_id, hash) VALUES (
        coalesce(head.number, 0) + 1,
        NEW.id,
        sha256(coalesce(head.hash, decode(repeat('00', 32), 'hex')) || convert_to(access_audit_text(NEW), 'UTF8'))
    );
    RETURN NULL;
END
$$;

CREATE FUNCTION access_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the audit log is only ever added to.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION access_audit_refuse_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Depth 1 is a statement of a client's; the chain's own insert comes from inside access_audit_link, at depth 2.
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'INSERT on access_auditlink is refused: links are made by the database alone.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

CREATE CONSTRAINT TRIGGER access_audit_link AFTER INSERT ON access_auditrecord
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION access_audit_link();
CREATE TRIGGER access_audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON access_auditrecord
    FOR EACH STATEMENT EXECUTE FUNCTION access_audit_refuse();
CREATE TRIGGER access_audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON access_auditlink
    FOR EACH STATEMENT EXECUTE FUNCTION access_audit_refuse();
CREATE TRIGGER access_audit_own BEFORE INSERT ON access_auditlink
    FOR EACH ROW EXECUTE FUNCTION access_audit_refuse_link();
