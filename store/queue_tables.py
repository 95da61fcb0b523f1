"""What the seventeenth migration adds, so that the next task is found without a look at all that wait."""

# A task that was given to somebody has an order in which it was shown. Those that nobody was given are walked through
# by their ids, from each person's place on; those that came back, and those on somebody's page, are few.
QUEUE_TABLES = (
    """CREATE INDEX tasks_never_given ON tasks(reason IN ('uniform', 'risk'), id, prompt_id, reason)
        WHERE state = 'open' AND shown_order = '[]'""",
    "CREATE INDEX tasks_given_back ON tasks(id) WHERE state = 'open' AND shown_order != '[]'",
    "CREATE INDEX tasks_on_a_page ON tasks(annotator, id) WHERE state = 'leased'",
    "CREATE INDEX tasks_by_end_of_lease ON tasks(leased_until) WHERE state = 'leased'",
    # Nothing that nobody was given is for this person, up to and with the task `task_id`: they had its twins.
    """CREATE TABLE places (
        annotator TEXT NOT NULL,
        again INTEGER NOT NULL CHECK (again IN (0, 1)),
        task_id INTEGER NOT NULL,
        PRIMARY KEY (annotator, again)) STRICT, WITHOUT ROWID""",
    # Places pass over tasks of prompts that were taken out, too, until one of these changes.
    "CREATE TRIGGER places_after_a_prompt_changed AFTER UPDATE ON prompts BEGIN DELETE FROM places; END",
    """CREATE INDEX rankings_done ON rankings(annotator, created)
        WHERE kind != 'skipped' AND supersedes IS NULL""",
)
