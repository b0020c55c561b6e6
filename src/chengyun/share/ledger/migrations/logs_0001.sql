-- name:    ledgers: what was said, its place in the tree, the tree, and signed heads
-- one row: ledger_entry: one leaf, as it was said; ledger_place: its index, once sequenced;
--          ledger_tile: up to 256 hashes of the tree; ledger_head: a root that was signed;
--          ledger_waiting: an entry without a place yet
-- source:  docs/decisions/0252-receipts-stand-in-a-merkle-log.md
--
-- Everything but ledger_waiting is only ever added to; a tile may grow at its end until it is full.

CREATE TABLE ledger_entry (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log  varchar(32) NOT NULL,
    at   timestamptz NOT NULL DEFAULT statement_timestamp(),
    name varchar(64) NOT NULL DEFAULT '',
    leaf bytea NOT NULL
);
CREATE INDEX ledger_entry_name ON ledger_entry (log, name) WHERE name <> '';

CREATE TABLE ledger_waiting (
    entry_id bigint PRIMARY KEY,
    log      varchar(32) NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000);

CREATE TABLE ledger_place (
    log      varchar(32) NOT NULL,
    index    bigint NOT NULL CHECK (index >= 0),
    entry_id bigint NOT NULL UNIQUE REFERENCES ledger_entry (id),
    PRIMARY KEY (log, index)
);

CREATE TABLE ledger_tile (
    log    varchar(32) NOT NULL,
    row    smallint NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (log, row, number)
);
ALTER TABLE ledger_tile ALTER hashes SET STORAGE EXTERNAL;

CREATE TABLE ledger_head (
    log    varchar(32) NOT NULL,
    size   bigint NOT NULL CHECK (size >= 0),
    root   bytea NOT NULL CHECK (octet_length(root) = 32),
    at     timestamptz NOT NULL,
    key_id varchar(64) NOT NULL,
    note   text NOT NULL,
    PRIMARY KEY (log, size)
);

CREATE FUNCTION ledger_wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_waiting (entry_id, log) SELECT id, log FROM added;
    RETURN NULL;
END
$$;

CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: a ledger is only ever added to.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION ledger_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.log, NEW.row, NEW.number) IS DISTINCT FROM (OLD.log, OLD.row, OLD.number)
        OR octet_length(NEW.hashes) < octet_length(OLD.hashes)
        OR substring(NEW.hashes FROM 1 FOR octet_length(OLD.hashes)) <> OLD.hashes THEN
        RAISE EXCEPTION 'UPDATE on ledger_tile is refused: hashes are only ever added at its end.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER ledger_wait AFTER INSERT ON ledger_entry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_wait();
CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_place
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_head
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_keep BEFORE DELETE OR TRUNCATE ON ledger_tile
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_grow BEFORE UPDATE ON ledger_tile
    FOR EACH ROW EXECUTE FUNCTION ledger_grow();
