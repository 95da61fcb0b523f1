"""The tables of programs that use the site, and of what the site tells others: see m015 in store/schema.py."""

from store.first_tables import NOW

# A number is never used again, so that a log that names one means one token. Tokens that were revoked stay, for the
# same reason. What is to be told is noted in the transaction in which it happens, once, and stays when it is told.
API_TABLES = (
    f"""CREATE TABLE tokens (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        token_hash TEXT NOT NULL UNIQUE CHECK (length(token_hash) = 64),
        annotator TEXT NOT NULL REFERENCES annotators(name),
        scopes TEXT NOT NULL CHECK (json_valid(scopes)),
        by TEXT NOT NULL,
        used TEXT,
        revoked TEXT,
        created {NOW}) STRICT""",
    "CREATE INDEX tokens_of_annotator ON tokens(annotator)",
    """CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        event TEXT NOT NULL CHECK (event IN ('enough_rankings', 'round_done', 'job_failed')),
        subject INTEGER NOT NULL,
        data TEXT NOT NULL CHECK (json_valid(data)),
        at REAL NOT NULL,
        due REAL NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0,
        delivered REAL,
        given_up REAL,
        error TEXT NOT NULL DEFAULT '',
        UNIQUE (event, subject)) STRICT""",
    "CREATE INDEX outbox_waiting ON outbox(due) WHERE delivered IS NULL AND given_up IS NULL",
)
