"""The tables of the store, as a list of migrations that is only ever added to.

A migration that was shipped is never edited: workspaces have already run it. All that a file lacks are run when it is
opened, in one transaction (store/db.py).
"""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from store.api_tables import API_TABLES
from store.first_tables import FIRST_TABLES, NOW
from store.import_tables import BROUGHT_TABLES
from store.people_tables import PEOPLE_TABLES
from store.proposal_tables import PROPOSALS
from store.queue_tables import QUEUE_TABLES
from store.search_tables import SEARCH_TABLES
from store.trust_tables import TRUST_TABLES
from store.voice_tables import VOICE_TABLES

migrations = Migrations("store")


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


@migrations()
def m008_imports_and_prompts_taken_out(db: Database) -> None:
    """Which file brought which prompts, and prompts that were taken out: they are kept, and count nowhere."""
    for statement in IMPORT_TABLES:
        db.execute(statement)


@migrations()
def m010_rounds_without_a_reward_model(db: Database) -> None:
    """A round of DPO has none."""
    for statement in ROUNDS_OF_DPO:
        db.execute(statement)


@migrations()
def m011_proposed_prompts_and_own_answers(db: Database) -> None:
    """Prompts that a model proposed and that wait for a yes; tasks in which a person ranks an answer of their own."""
    for statement in PROPOSALS:
        db.execute(statement)


@migrations()
def m012_people(db: Database) -> None:
    """Numbers of invitations, when people signed in, who did what to which account, and guesses at passwords."""
    for statement in PEOPLE_TABLES:
        db.execute(statement)


@migrations()
def m014_responses_and_rankings_of_imports(db: Database) -> None:
    """Which responses and rankings came with which file, and which of them went out with it."""
    for statement in BROUGHT_TABLES:
        db.execute(statement)


@migrations()
def m015_tokens_and_webhooks(db: Database) -> None:
    """By which programs act as somebody, and what is to be told to whom it concerns."""
    for statement in API_TABLES:
        db.execute(statement)


@migrations()
def m016_search(db: Database) -> None:
    """Words of prompts and responses, to be searched."""
    for statement in SEARCH_TABLES:
        db.execute(statement)


@migrations()
def m017_next_task_at_once(db: Database) -> None:
    """Indexes of the tasks that wait, and how far down the queue nothing is left for a person."""
    for statement in QUEUE_TABLES:
        db.execute(statement)


@migrations()
def m018_voices(db: Database) -> None:
    """Prompts that a flag holds back and what was decided, guidelines, practice, the time by the server's clock."""
    for statement in VOICE_TABLES:
        db.execute(statement)


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

# The same bytes are one import. A prompt may stand in several files: `import_prompts` has them all, and `import_id`
# of a prompt is the one that brought it (NULL where none did, or an earlier version did not note it). `removed_with`
# names the import that a prompt was taken out with, and is NULL where it was taken out by itself.
IMPORT_TABLES = (
    f"""CREATE TABLE imports (
        id INTEGER PRIMARY KEY,
        file TEXT NOT NULL,
        sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
        format TEXT NOT NULL,
        added INTEGER NOT NULL,
        already_there INTEGER NOT NULL,
        skipped INTEGER NOT NULL,
        removed TEXT,
        created {NOW}) STRICT""",
    """CREATE TABLE import_prompts (
        import_id INTEGER NOT NULL REFERENCES imports(id),
        prompt_id INTEGER NOT NULL REFERENCES prompts(id),
        PRIMARY KEY (import_id, prompt_id)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX imports_of_prompt ON import_prompts(prompt_id)",
    "ALTER TABLE prompts ADD COLUMN import_id INTEGER REFERENCES imports(id)",
    "ALTER TABLE prompts ADD COLUMN removed TEXT",
    """ALTER TABLE prompts ADD COLUMN removed_with INTEGER REFERENCES imports(id)
        CHECK (removed_with IS NULL OR removed IS NOT NULL)""",
    # Asked with every task that a person gets, and nearly always empty.
    "CREATE INDEX prompts_removed ON prompts(id) WHERE removed IS NOT NULL",
    "CREATE VIEW taken_out AS SELECT id FROM prompts WHERE removed IS NOT NULL",
    "DROP VIEW current_rankings",
    """CREATE VIEW newest_rankings AS SELECT * FROM rankings
        WHERE id NOT IN (SELECT supersedes FROM rankings WHERE supersedes IS NOT NULL)""",
    "CREATE VIEW current_rankings AS SELECT * FROM newest_rankings WHERE prompt_id NOT IN taken_out",
)

# SQLite cannot drop a NOT NULL. Nothing refers to a round, so that the table can be made anew.
ROUNDS_OF_DPO = (
    f"""CREATE TABLE new_rounds (
        number INTEGER PRIMARY KEY,
        rating_id INTEGER NOT NULL REFERENCES ratings(id),
        reward_id INTEGER REFERENCES models(id),
        policy_id INTEGER NOT NULL REFERENCES models(id),
        metrics TEXT NOT NULL CHECK (json_valid(metrics)),
        created {NOW},
        job_id INTEGER REFERENCES jobs(id)) STRICT""",
    """INSERT INTO new_rounds (number, rating_id, reward_id, policy_id, metrics, created, job_id)
        SELECT number, rating_id, reward_id, policy_id, metrics, created, job_id FROM rounds""",
    "DROP TABLE rounds",
    "ALTER TABLE new_rounds RENAME TO rounds",
)
