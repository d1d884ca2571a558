-- What an index holds: see `rag/index/postgres.py`.
CREATE TABLE state (one bool PRIMARY KEY DEFAULT true CHECK (one), revision text NOT NULL,
    made_by jsonb NOT NULL, words bytea NOT NULL DEFAULT '', rows int NOT NULL DEFAULT 0);
INSERT INTO state VALUES (true, '', '{}');
CREATE TABLE report (number int PRIMARY KEY, id text UNIQUE, head text NOT NULL,
    record bytea NOT NULL, lengths bytea NOT NULL DEFAULT '');
CREATE TABLE passage (row int PRIMARY KEY, report int NOT NULL REFERENCES report ON DELETE CASCADE,
    language text NOT NULL, stage text NOT NULL, dense halfvec NOT NULL, static halfvec NOT NULL);
ALTER TABLE passage ALTER dense SET STORAGE MAIN, ALTER static SET STORAGE MAIN;
CREATE INDEX ON passage (report);
CREATE TABLE posting (bucket int, segment int, terms bytea NOT NULL, sizes bytea NOT NULL,
    rows bytea NOT NULL, counts bytea NOT NULL, PRIMARY KEY (bucket, segment));
ALTER TABLE posting ALTER terms SET STORAGE EXTERNAL, ALTER sizes SET STORAGE EXTERNAL,
    ALTER rows SET STORAGE EXTERNAL, ALTER counts SET STORAGE EXTERNAL;
CREATE TABLE memo (hash bigint PRIMARY KEY, vector halfvec NOT NULL);
