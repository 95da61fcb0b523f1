"""The tables of what an import brought beside prompts: see the migration m014 in store/schema.py."""

from store.first_tables import NOW

# As with prompts, a response or ranking may stand in several files, and stays as long as one of them does. What is
# out is listed by itself and not marked in its row, since a row of `rankings` is never changed.
BROUGHT_TABLES = (
    "ALTER TABLE imports ADD COLUMN responses INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE imports ADD COLUMN rankings INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE imports ADD COLUMN licence TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE imports ADD COLUMN ignored TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(ignored))",
    "ALTER TABLE import_prompts ADD COLUMN kept TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(kept))",
    """CREATE TABLE import_responses (
        import_id INTEGER NOT NULL REFERENCES imports(id),
        response_id INTEGER NOT NULL REFERENCES responses(id),
        PRIMARY KEY (response_id, import_id)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE import_rankings (
        import_id INTEGER NOT NULL REFERENCES imports(id),
        ranking_id INTEGER NOT NULL REFERENCES rankings(id),
        PRIMARY KEY (ranking_id, import_id)) STRICT, WITHOUT ROWID""",
    f"CREATE TABLE removed_responses (id INTEGER PRIMARY KEY REFERENCES responses(id), since {NOW}) STRICT",
    f"CREATE TABLE removed_rankings (id INTEGER PRIMARY KEY REFERENCES rankings(id), since {NOW}) STRICT",
    "CREATE VIEW out_responses AS SELECT id FROM removed_responses",
    "CREATE VIEW out_rankings AS SELECT id FROM removed_rankings",
    "DROP VIEW current_rankings",
    """CREATE VIEW current_rankings AS SELECT * FROM newest_rankings
        WHERE prompt_id NOT IN taken_out AND id NOT IN out_rankings""",
)
