"""The tables of the store, as a list of migrations that is only ever added to.

A migration that was shipped is never edited: workspaces have already run it. All that a file lacks are run when it is
opened, in one transaction (store/db.py).
"""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("store")

# Written by SQLite and not by Python, so that a row inserted by hand has its time too; sorts as text.
NOW = "TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"


@migrations()
def m001_first_tables(db: Database) -> None:
    """Every record of records.py."""
    for statement in FIRST_TABLES:
        db.execute(statement)


@migrations()
def m002_why_a_task_is_there(db: Database) -> None:
    """Why each task is there, known answers, which annotators agree with which, and promotions."""
    for statement in TRUST_TABLES:
        db.execute(statement)


@migrations()
def m003_lineage_as_columns(db: Database) -> None:
    """What taught a model, and by what work and settings it was made; responses that a person wrote."""
    for statement in LINEAGE_TABLES:
        db.execute(statement)


@migrations()
def m004_tokens_of_responses(db: Database) -> None:
    """The tokens that a model wrote, where they are known: those of its text may be others."""
    db.execute("ALTER TABLE responses ADD COLUMN token_ids TEXT CHECK (token_ids IS NULL OR json_valid(token_ids))")


@migrations()
def m005_leases(db: Database) -> None:
    """Who does which job, under a number that only grows; which workers are there; how often a job's process died."""
    for statement in LEASE_TABLES:
        db.execute(statement)


@migrations()
def m006_digests_and_rounds_of_jobs(db: Database) -> None:
    """What the files of a model version were when they were written, and which job ran each round."""
    for statement in WHOLE_COLUMNS:
        db.execute(statement)


@migrations()
def m007_name_of_the_workspace(db: Database) -> None:
    """A random name, by which the backups of one workspace are told from those of another."""
    db.execute("CREATE TABLE workspace (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL) STRICT")
    db.execute("INSERT INTO workspace (name) VALUES (lower(hex(randomblob(16))))")


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

# SQLite cannot change a CHECK or drop a NOT NULL, so both tables are made anew, filled and renamed. References to
# them are by name and hold again after the renaming; ids are copied, since everything else points at them.
LINEAGE_TABLES = (
    f"""CREATE TABLE new_models (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('policy', 'reward', 'imported')),
        base_model TEXT NOT NULL,
        parent_id INTEGER REFERENCES models(id),
        job_id INTEGER REFERENCES jobs(id),
        path TEXT,
        metrics TEXT NOT NULL DEFAULT '{{}}' CHECK (json_valid(metrics)),
        rating_id INTEGER REFERENCES ratings(id),
        reward_id INTEGER REFERENCES models(id),
        made_by TEXT NOT NULL CHECK (trim(made_by) != ''),
        settings TEXT NOT NULL DEFAULT '{{}}' CHECK (json_valid(settings)),
        created {NOW}) STRICT""",
    # Until here a rating or reward model was named inside the metrics, and the settings only in the job's params.
    """INSERT INTO new_models (id, name, kind, base_model, parent_id, job_id, path, metrics, rating_id, reward_id,
                               made_by, settings, created)
        SELECT m.id, m.name, m.kind, m.base_model, m.parent_id, m.job_id, m.path,
            json_remove(m.metrics, '$.rating_id', '$.reward_id'),
            CAST(json_extract(m.metrics, '$.rating_id') AS INTEGER),
            CAST(json_extract(m.metrics, '$.reward_id') AS INTEGER),
            CASE WHEN m.kind = 'reward' THEN 'reward' WHEN m.path IS NULL THEN 'init' ELSE 'ppo' END,
            CASE json_type(j.params, '$.settings') WHEN 'object' THEN json_extract(j.params, '$.settings')
                ELSE '{}' END,
            m.created
        FROM models m LEFT JOIN jobs j ON j.id = m.job_id""",
    "DROP TABLE models",
    "ALTER TABLE new_models RENAME TO models",
    f"""CREATE TABLE new_responses (
        id INTEGER PRIMARY KEY,
        prompt_id INTEGER NOT NULL REFERENCES prompts(id),
        model_id INTEGER REFERENCES models(id),
        annotator TEXT REFERENCES annotators(name),
        text TEXT NOT NULL,
        seed INTEGER NOT NULL,
        sampling TEXT NOT NULL CHECK (json_valid(sampling)),
        finish_reason TEXT NOT NULL CHECK (finish_reason IN ('stop', 'length', 'imported')),
        created {NOW},
        CHECK ((model_id IS NULL) != (annotator IS NULL))) STRICT""",
    """INSERT INTO new_responses (id, prompt_id, model_id, text, seed, sampling, finish_reason, created)
        SELECT id, prompt_id, model_id, text, seed, sampling, finish_reason, created FROM responses""",
    "DROP TABLE responses",
    "ALTER TABLE new_responses RENAME TO responses",
    "CREATE INDEX responses_of_prompt ON responses(prompt_id, model_id)",
)

# AUTOINCREMENT, so that no number comes back after its row is gone: a late process would be taken for the new one.
_PROCESS = "host TEXT NOT NULL, boot TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL"
LEASE_TABLES = (
    f"""CREATE TABLE leases (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id INTEGER NOT NULL UNIQUE REFERENCES jobs(id),
        owner INTEGER NOT NULL CHECK (owner IN (0, 1)),
        queued INTEGER NOT NULL CHECK (queued IN (0, 1)),
        {_PROCESS},
        since {NOW},
        beats INTEGER NOT NULL DEFAULT 0) STRICT""",
    "CREATE UNIQUE INDEX one_owner_of_the_workspace ON leases(owner) WHERE owner = 1",
    f"""CREATE TABLE workers (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        {_PROCESS},
        since {NOW},
        beats INTEGER NOT NULL DEFAULT 0,
        note TEXT NOT NULL DEFAULT '') STRICT""",
    "ALTER TABLE jobs ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0",
)

# NULL in the rows of an earlier version: nobody noted it then.
WHOLE_COLUMNS = (
    "ALTER TABLE models ADD COLUMN digest TEXT CHECK (digest IS NULL OR length(digest) = 64)",
    "ALTER TABLE rounds ADD COLUMN job_id INTEGER REFERENCES jobs(id)",
)
