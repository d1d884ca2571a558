"""Words, sentences, languages and numbers of plain text; knows nothing of reports."""
