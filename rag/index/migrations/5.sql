-- Postings in place of tsvectors. A passage's row is a small number, a report's that of its first.
CREATE TABLE posting (bucket int, segment int, terms bytea NOT NULL, sizes bytea NOT NULL,
    rows bytea NOT NULL, counts bytea NOT NULL, PRIMARY KEY (bucket, segment));
ALTER TABLE posting ALTER terms SET STORAGE EXTERNAL, ALTER sizes SET STORAGE EXTERNAL,
    ALTER rows SET STORAGE EXTERNAL, ALTER counts SET STORAGE EXTERNAL;
CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
    SELECT number, sum(size) OVER (ORDER BY number) - size AS row, lengths FROM (
        SELECT number, greatest(count(length), 1) AS size,
            coalesce(string_agg(int4send(length), '' ORDER BY row), '') AS lengths
        FROM report LEFT JOIN passage ON report = number GROUP BY number) counted;
CREATE TABLE renumbered AS
    SELECT (moved.row + (passage.row & 65535))::int AS row, moved.row::int AS report,
        language, stage, dense, static
    FROM passage JOIN moved ON number = report ORDER BY 1;
DROP TABLE passage;
ALTER TABLE renumbered RENAME TO passage;
ALTER TABLE report ALTER number DROP IDENTITY, ADD lengths bytea NOT NULL DEFAULT '';
UPDATE report SET number = -1 - moved.row, lengths = moved.lengths
    FROM moved WHERE moved.number = report.number;
UPDATE report SET number = -1 - number;
ALTER TABLE passage ADD PRIMARY KEY (row), ADD FOREIGN KEY (report) REFERENCES report
    ON DELETE CASCADE, ALTER report SET NOT NULL, ALTER language SET NOT NULL,
    ALTER stage SET NOT NULL, ALTER dense SET NOT NULL, ALTER static SET NOT NULL;
ALTER TABLE passage ALTER dense SET STORAGE MAIN, ALTER static SET STORAGE MAIN;
CREATE INDEX ON passage (report);
ALTER TABLE state ADD rows int NOT NULL DEFAULT 0;
UPDATE state SET revision = '';
