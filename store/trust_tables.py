"""What tells how far people are to be trusted: tasks that check them, known answers, agreement, promotions."""

from store.first_tables import NOW

TRUST_TABLES = (
    """ALTER TABLE tasks ADD COLUMN reason TEXT NOT NULL DEFAULT 'fresh'
        CHECK (reason IN ('fresh', 'overlap', 'uniform', 'risk', 'gold', 'repeat'))""",
    "CREATE INDEX tasks_by_reason ON tasks(reason)",
    f"""CREATE TABLE gold (
        prompt_id INTEGER PRIMARY KEY REFERENCES prompts(id),
        ranking_id INTEGER NOT NULL UNIQUE REFERENCES rankings(id),
        created {NOW}) STRICT""",
    """CREATE TABLE annotator_pairs (
        rating_id INTEGER NOT NULL REFERENCES ratings(id),
        annotator TEXT NOT NULL REFERENCES annotators(name),
        other TEXT NOT NULL REFERENCES annotators(name),
        tau REAL NOT NULL CHECK (tau BETWEEN -1.000001 AND 1.000001),
        shared INTEGER NOT NULL,
        PRIMARY KEY (rating_id, annotator, other)) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE promotions (
        id INTEGER PRIMARY KEY,
        model_id INTEGER NOT NULL REFERENCES models(id),
        by TEXT NOT NULL,
        evidence TEXT NOT NULL DEFAULT '{{}}' CHECK (json_valid(evidence)),
        created {NOW}) STRICT""",
)
