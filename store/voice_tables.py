"""The tables of what people say beside their order, and of what they are told: see m018 in store/schema.py."""

from store.first_tables import CLOCK, NOW

# A prompt is `held` from the first flag until all of its flags are decided. It then counts as little as one that was
# taken out, and whatever asks for `taken_out` leaves it alone: each half of that view has an index of its own.
# `handed` is when a task was given to whoever has it, seconds since the epoch, and `lasted` how long its answer took
# from then on; `guideline_id` of a task is the version that its page shows. What somebody practised is no ranking.
VOICE_TABLES = (
    "ALTER TABLE prompts ADD COLUMN held TEXT",
    "CREATE INDEX prompts_held ON prompts(id) WHERE held IS NOT NULL",
    "DROP VIEW taken_out",
    """CREATE VIEW taken_out AS SELECT id FROM prompts WHERE removed IS NOT NULL
        UNION ALL SELECT id FROM prompts WHERE held IS NOT NULL""",
    "CREATE INDEX rankings_that_say ON rankings(id) WHERE kind != 'ranked' OR comment != ''",
    "CREATE INDEX rankings_that_flag ON rankings(prompt_id) WHERE kind = 'flagged'",
    "CREATE INDEX rankings_anew ON rankings(annotator, created) WHERE supersedes IS NOT NULL",
    f"""CREATE TABLE decisions (
        ranking_id INTEGER PRIMARY KEY REFERENCES rankings(id),
        decision TEXT NOT NULL CHECK (decision IN ('put back', 'taken out', 'read')),
        by TEXT NOT NULL,
        created {NOW}) STRICT""",
    f"""UPDATE prompts SET held = {CLOCK}
        WHERE id IN (SELECT prompt_id FROM newest_rankings WHERE kind = 'flagged')""",
    f"""CREATE TABLE guidelines (
        id INTEGER PRIMARY KEY,
        text TEXT NOT NULL CHECK (trim(text) != ''),
        by TEXT NOT NULL,
        created {NOW}) STRICT""",
    "ALTER TABLE rankings ADD COLUMN guideline_id INTEGER REFERENCES guidelines(id)",
    "ALTER TABLE rankings ADD COLUMN lasted REAL CHECK (lasted >= 0)",
    "ALTER TABLE tasks ADD COLUMN handed REAL",
    "ALTER TABLE tasks ADD COLUMN guideline_id INTEGER REFERENCES guidelines(id)",
    f"""CREATE TABLE practised (
        annotator TEXT NOT NULL REFERENCES annotators(name),
        prompt_id INTEGER NOT NULL REFERENCES prompts(id),
        levels TEXT NOT NULL CHECK (json_valid(levels)),
        created {NOW},
        PRIMARY KEY (annotator, prompt_id)) STRICT, WITHOUT ROWID""",
)
