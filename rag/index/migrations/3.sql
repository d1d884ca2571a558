-- An ingest goes on by what is there; families of reports are found when they are asked for.
ALTER TABLE state DROP target;
ALTER TABLE report DROP families;
UPDATE report SET mark = regexp_replace(mark, ' [0-9]+$', '');
