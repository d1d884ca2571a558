-- The first version: what an index holds, its terms, and where an ingest was going.
CREATE TABLE state (one bool PRIMARY KEY DEFAULT true CHECK (one), revision text NOT NULL,
    made_by jsonb NOT NULL, forms text NOT NULL, target text NOT NULL);
INSERT INTO state VALUES (true, '', '{}', '', '');
CREATE TABLE report (number int PRIMARY KEY GENERATED ALWAYS AS IDENTITY, id text UNIQUE,
    mark text NOT NULL, head text NOT NULL, record bytea NOT NULL, families text[] NOT NULL);
CREATE TABLE passage (row bigint PRIMARY KEY, report int NOT NULL REFERENCES report,
    language text NOT NULL, stage text NOT NULL, length int NOT NULL,
    dense halfvec NOT NULL, static halfvec NOT NULL, terms tsvector NOT NULL);
ALTER TABLE passage ALTER terms SET STORAGE EXTENDED, ALTER dense SET STORAGE MAIN;
CREATE INDEX ON passage (report);
CREATE TABLE term (term text PRIMARY KEY, form text NOT NULL, passages int NOT NULL);
CREATE TABLE memo (hash bigint PRIMARY KEY, vector halfvec NOT NULL);
