-- Words lie together in the state, not in a table; passages go with their report.
DROP TABLE term;
ALTER TABLE state ADD words bytea NOT NULL DEFAULT '', DROP forms;
ALTER TABLE passage DROP CONSTRAINT passage_report_fkey,
    ADD FOREIGN KEY (report) REFERENCES report ON DELETE CASCADE;
UPDATE state SET revision = '';
