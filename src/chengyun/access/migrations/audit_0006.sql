-- name:    审计记录所涉及的人, and the chain's part in it
-- one row: one person's row that a recorded reading showed
-- source:  docs/decisions/0263-who-was-read.md
--
-- subject is made of the dataset and the row's key (access/subjects.py), sixteen bytes whatever they are called: a hundred
-- million rows are then some ten gigabytes with their index, and the log holds no list of persons in clear. What a record
-- covers is bound into the chain by a root in its detail; so there is no foreign key, whose price would be paid for each row.
-- The index by record is only added to at its end, and a record's equal entries share one: nine bytes a row.

CREATE TABLE access_auditsubject (
    subject   uuid NOT NULL,
    record_id bigint NOT NULL,
    PRIMARY KEY (subject, record_id)
);
CREATE INDEX access_auditsubject_record ON access_auditsubject (record_id);

CREATE TRIGGER access_audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON access_auditsubject
    FOR EACH STATEMENT EXECUTE FUNCTION access_audit_refuse();
