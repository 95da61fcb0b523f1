"""The tables of the first migration, as they were shipped: see store/schema.py."""

CLOCK = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
"""The time now in SQL, UTC in ISO 8601; sorts as text."""
# Written by SQLite and not by Python, so that a row inserted by hand has its time too.
NOW = f"TEXT NOT NULL DEFAULT ({CLOCK})"

# STRICT: a word in a column of numbers is refused, where SQLite otherwise stores it. Every list of allowed words and
# every JSON text is checked by the file itself, so that no program can put into it what another cannot read.
FIRST_TABLES = (
    f"""CREATE TABLE annotators (
        name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 80),
        role TEXT NOT NULL CHECK (role IN ('annotator', 'researcher', 'admin')),
        password_hash TEXT,
        active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
        created {NOW}) STRICT""",
    f"""CREATE TABLE sessions (
        token_hash TEXT PRIMARY KEY,
        annotator TEXT NOT NULL REFERENCES annotators(name),
        expires REAL NOT NULL,
        created {NOW}) STRICT""",
    f"""CREATE TABLE invitations (
        token_hash TEXT PRIMARY KEY,
        role TEXT NOT NULL CHECK (role IN ('annotator', 'researcher', 'admin')),
        uses_left INTEGER,
        expires REAL NOT NULL,
        created {NOW}) STRICT""",
    f"""CREATE TABLE jobs (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        params TEXT NOT NULL CHECK (json_valid(params)),
        state TEXT NOT NULL DEFAULT 'queued'
            CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        pid INTEGER,
        heartbeat REAL,
        progress REAL NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
        note TEXT NOT NULL DEFAULT '',
        error TEXT NOT NULL DEFAULT '',
        result TEXT NOT NULL DEFAULT '{{}}' CHECK (json_valid(result)),
        created {NOW}) STRICT""",
    """CREATE TABLE metrics (
        job_id INTEGER NOT NULL REFERENCES jobs(id),
        step INTEGER NOT NULL,
        name TEXT NOT NULL,
        value REAL,
        PRIMARY KEY (job_id, name, step)) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE prompts (
        id INTEGER PRIMARY KEY,
        messages TEXT NOT NULL CHECK (json_valid(messages)),
        digest TEXT NOT NULL UNIQUE,
        split TEXT NOT NULL CHECK (split IN ('train', 'eval')),
        source TEXT NOT NULL,
        created {NOW}) STRICT""",
    f"""CREATE TABLE models (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('policy', 'reward')),
        base_model TEXT NOT NULL,
        parent_id INTEGER REFERENCES models(id),
        job_id INTEGER REFERENCES jobs(id),
        path TEXT,
        metrics TEXT NOT NULL DEFAULT '{{}}' CHECK (json_valid(metrics)),
        created {NOW}) STRICT""",
    f"""CREATE TABLE responses (
        id INTEGER PRIMARY KEY,
        prompt_id INTEGER NOT NULL REFERENCES prompts(id),
        model_id INTEGER NOT NULL REFERENCES models(id),
        text TEXT NOT NULL,
        seed INTEGER NOT NULL,
        sampling TEXT NOT NULL CHECK (json_valid(sampling)),
        finish_reason TEXT NOT NULL CHECK (finish_reason IN ('stop', 'length', 'imported')),
        created {NOW}) STRICT""",
    "CREATE INDEX responses_of_prompt ON responses(prompt_id, model_id)",
    f"""CREATE TABLE tasks (
        id INTEGER PRIMARY KEY,
        prompt_id INTEGER NOT NULL REFERENCES prompts(id),
        state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'leased', 'done')),
        annotator TEXT REFERENCES annotators(name),
        shown_order TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(shown_order)),
        leased_until REAL,
        lease TEXT UNIQUE,
        created {NOW},
        CHECK (state = 'open' OR (annotator IS NOT NULL AND lease IS NOT NULL))) STRICT""",
    "CREATE INDEX tasks_by_state ON tasks(state, prompt_id)",
    "CREATE INDEX tasks_of_prompt ON tasks(prompt_id, annotator)",
    """CREATE TABLE task_responses (
        task_id INTEGER NOT NULL REFERENCES tasks(id),
        position INTEGER NOT NULL,
        response_id INTEGER NOT NULL REFERENCES responses(id),
        PRIMARY KEY (task_id, position)) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE rankings (
        id INTEGER PRIMARY KEY,
        task_id INTEGER NOT NULL REFERENCES tasks(id),
        prompt_id INTEGER NOT NULL REFERENCES prompts(id),
        annotator TEXT NOT NULL REFERENCES annotators(name),
        levels TEXT NOT NULL CHECK (json_valid(levels)),
        kind TEXT NOT NULL CHECK (kind IN ('ranked', 'skipped', 'flagged')),
        seconds REAL CHECK (seconds >= 0),
        comment TEXT NOT NULL DEFAULT '',
        supersedes INTEGER UNIQUE REFERENCES rankings(id),
        lease TEXT UNIQUE,
        shown_order TEXT NOT NULL CHECK (json_valid(shown_order)),
        created {NOW}) STRICT""",
    "CREATE INDEX rankings_of_annotator ON rankings(annotator, prompt_id)",
    "CREATE INDEX rankings_of_task ON rankings(task_id)",
    # What people said is kept by the file itself, whatever a program gets wrong.
    """CREATE TRIGGER rankings_are_never_changed BEFORE UPDATE ON rankings
        BEGIN SELECT RAISE(ABORT, 'rankings are append-only: insert a row that supersedes'); END""",
    """CREATE TRIGGER rankings_are_never_deleted BEFORE DELETE ON rankings
        BEGIN SELECT RAISE(ABORT, 'rankings are append-only: insert a row that supersedes'); END""",
    """CREATE VIEW current_rankings AS SELECT * FROM rankings
        WHERE id NOT IN (SELECT supersedes FROM rankings WHERE supersedes IS NOT NULL)""",
    f"""CREATE TABLE ratings (
        id INTEGER PRIMARY KEY,
        method TEXT NOT NULL,
        config TEXT NOT NULL CHECK (json_valid(config)),
        metrics TEXT NOT NULL CHECK (json_valid(metrics)),
        last_ranking_id INTEGER NOT NULL REFERENCES rankings(id),
        created {NOW}) STRICT""",
    """CREATE TABLE scores (
        rating_id INTEGER NOT NULL REFERENCES ratings(id),
        response_id INTEGER NOT NULL REFERENCES responses(id),
        elo REAL NOT NULL,
        stderr REAL,
        comparisons INTEGER NOT NULL,
        PRIMARY KEY (rating_id, response_id)) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE rounds (
        number INTEGER PRIMARY KEY,
        rating_id INTEGER NOT NULL REFERENCES ratings(id),
        reward_id INTEGER NOT NULL REFERENCES models(id),
        policy_id INTEGER NOT NULL REFERENCES models(id),
        metrics TEXT NOT NULL CHECK (json_valid(metrics)),
        created {NOW}) STRICT""",
)
