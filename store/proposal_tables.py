"""The tables of proposed prompts and of answers of one's own, as they were shipped: see store/schema.py."""

from store.first_tables import NOW

# A prompt that waits was never shown to anybody; one that was refused is waiting and removed, so that it is not
# proposed again. SQLite cannot change a CHECK: the table of tasks is made anew for one more reason.
PROPOSALS = (
    "ALTER TABLE prompts ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0 CHECK (waiting IN (0, 1))",
    "CREATE INDEX prompts_waiting ON prompts(id) WHERE waiting = 1",
    f"""CREATE TABLE new_tasks (
        id INTEGER PRIMARY KEY,
        prompt_id INTEGER NOT NULL REFERENCES prompts(id),
        state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'leased', 'done')),
        annotator TEXT REFERENCES annotators(name),
        shown_order TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(shown_order)),
        leased_until REAL,
        lease TEXT UNIQUE,
        created {NOW},
        reason TEXT NOT NULL DEFAULT 'fresh'
            CHECK (reason IN ('fresh', 'overlap', 'uniform', 'risk', 'gold', 'repeat', 'own')),
        CHECK (state = 'open' OR (annotator IS NOT NULL AND lease IS NOT NULL))) STRICT""",
    """INSERT INTO new_tasks (id, prompt_id, state, annotator, shown_order, leased_until, lease, created, reason)
        SELECT id, prompt_id, state, annotator, shown_order, leased_until, lease, created, reason FROM tasks""",
    "DROP TABLE tasks",
    "ALTER TABLE new_tasks RENAME TO tasks",
    "CREATE INDEX tasks_by_state ON tasks(state, prompt_id)",
    "CREATE INDEX tasks_of_prompt ON tasks(prompt_id, annotator)",
    "CREATE INDEX tasks_by_reason ON tasks(reason)",
)
