# SPDX-License-Identifier: Apache-2.0
from django.db import migrations

# What a case is looked for by lies beside it and not in an index of its own row: that is written anew with every step, this once.
# Pairs of characters, as the catalogue's search has them (docs/decisions/0241), but of all characters: whatever stands in the
# words stands in them as a row of pairs, and LIKE sees to the order. The last character stands alone, for who asks for one.
WORDS = r"""
CREATE TABLE cases_words (
    case_id bigint PRIMARY KEY,
    words   text NOT NULL
);

CREATE FUNCTION cases_pairs(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 500 AS $pairs$
    SELECT array_to_tsvector(array_agg(DISTINCT substr(words, at, 2))) FROM generate_series(1, length(words)) AS at
$pairs$;

CREATE FUNCTION cases_pairs_asked(asked text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $pairs$
    SELECT string_agg(
        '''' || replace(replace(substr(asked, at, 2), '\', '\\'), '''', '''''') || '''' || CASE length(asked) WHEN 1 THEN ':*' ELSE '' END,
        ' & ')::tsquery
    FROM generate_series(1, greatest(1, least(length(asked) - 1, 24))) AS at
$pairs$;

CREATE FUNCTION cases_note_words() RETURNS trigger LANGUAGE plpgsql AS $note$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        TRUNCATE cases_words;
    ELSIF TG_OP = 'DELETE' THEN
        DELETE FROM cases_words WHERE case_id IN (SELECT id FROM gone);
    ELSE
        INSERT INTO cases_words (case_id, words) SELECT id, lower(number || ' ' || title) FROM added
        ON CONFLICT (case_id) DO UPDATE SET words = excluded.words;
    END IF;
    RETURN NULL;
END $note$;

CREATE FUNCTION cases_note_other_words() RETURNS trigger LANGUAGE plpgsql AS $note$
BEGIN
    UPDATE cases_words SET words = lower(NEW.number || ' ' || NEW.title) WHERE case_id = NEW.id;
    RETURN NULL;
END $note$;

CREATE TRIGGER cases_words_added AFTER INSERT ON cases_case REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION cases_note_words();
CREATE TRIGGER cases_words_gone AFTER DELETE ON cases_case REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION cases_note_words();
CREATE TRIGGER cases_words_all_gone AFTER TRUNCATE ON cases_case
    FOR EACH STATEMENT EXECUTE FUNCTION cases_note_words();
CREATE TRIGGER cases_words_changed AFTER UPDATE OF number, title ON cases_case
    FOR EACH ROW WHEN (OLD.number IS DISTINCT FROM NEW.number OR OLD.title IS DISTINCT FROM NEW.title)
    EXECUTE FUNCTION cases_note_other_words();

INSERT INTO cases_words (case_id, words) SELECT id, lower(number || ' ' || title) FROM cases_case;
CREATE INDEX cases_words_pairs ON cases_words USING gin (cases_pairs(words));
ANALYZE cases_words;
"""

UNDO = """
DROP TRIGGER cases_words_added ON cases_case;
DROP TRIGGER cases_words_gone ON cases_case;
DROP TRIGGER cases_words_all_gone ON cases_case;
DROP TRIGGER cases_words_changed ON cases_case;
DROP FUNCTION cases_note_words(), cases_note_other_words();
DROP TABLE cases_words;
DROP FUNCTION cases_pairs(text), cases_pairs_asked(text);
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0009_category_events")]
    operations = [migrations.RunSQL(WORDS, UNDO)]
