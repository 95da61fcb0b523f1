"""The tables of the search for words: see store/search.py."""

# Contentless: the texts stand in their own tables, and are never changed. Nothing keeps it up to date while rows are
# written, which would cost each of them; who searches brings it up to date first.
SEARCH_TABLES = (
    "CREATE VIRTUAL TABLE words USING fts5(asked, answered, content='', tokenize='unicode61 remove_diacritics 2')",
    """CREATE TABLE words_upto (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        prompts INTEGER NOT NULL,
        responses INTEGER NOT NULL) STRICT""",
    "INSERT INTO words_upto (id, prompts, responses) VALUES (1, 0, 0)",
)
