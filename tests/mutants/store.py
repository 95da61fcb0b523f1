"""What is kept, and who may change it."""

from tests.mutants.record import Mutant

LEASES, SAID, TROUBLE = (f"tests/store/test_{name}.py" for name in ("tasks", "rankings", "trouble"))

MUTANTS = (
    Mutant(
        "lock-at-the-first-write",
        "store/db.py",
        'db.conn.execute("BEGIN IMMEDIATE")',
        'db.conn.execute("BEGIN")',
        TROUBLE,
        "Two processes that read and then write would fail where they could wait.",
    ),
    Mutant(
        "commit-not-synced",
        "store/db.py",
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = OFF",
        "tests/store",
        "A power cut would lose rankings that the page called saved.",
    ),
    Mutant(
        "foreign-keys-off",
        "store/db.py",
        "PRAGMA foreign_keys = ON",
        "PRAGMA foreign_keys = OFF",
        "tests/store/test_schema.py",
        "A ranking could name a task that is not there.",
    ),
    Mutant(
        "skip-keeps-the-task",
        "store/rankings.py",
        'if kind == "skipped" and task.reason not in tasks.CHECKS:',
        "if False:",
        LEASES,
        "What one person skips nobody else would rank.",
    ),
    Mutant(
        "old-ranking-counts-beside-the-new",
        "store/schema.py",
        "WHERE id NOT IN (SELECT supersedes FROM rankings WHERE supersedes IS NOT NULL)",
        "WHERE id NOT IN (SELECT supersedes FROM rankings WHERE supersedes = id)",
        SAID,
        "A changed mind would count twice.",
    ),
    Mutant(
        "revised-twice",
        "store/rankings.py",
        'if db["rankings"].count_where("supersedes = ?", [ranking_id]):\n            raise LeaseLost',
        "if False:\n            raise LeaseLost",
        SAID,
        "Two tabs would leave two standing rankings of one task.",
    ),
    Mutant(
        "lease-not-the-persons",
        "store/rankings.py",
        'SELECT id FROM tasks WHERE lease = ? AND annotator = ?", [lease, annotator]',
        'SELECT id FROM tasks WHERE lease = ?", [lease]',
        f"{SAID} tests/annotate/test_queue.py",
        "Whoever guesses or copies a lease could rank in another's name.",
    ),
    Mutant(
        "count-from-the-first",
        "store/rankings.py",
        "kind = 'ranked' AND id > ?\", [since]",
        "kind = 'ranked' AND id > 0 * ?\", [since]",
        SAID,
        "A round would start again on the rankings of the last.",
    ),
    Mutant(
        "held-task-is-free",
        "store/tasks.py",
        'free = task.state == "open" or (task.state == "leased" and (task.leased_until or 0) <= time.time())',
        'free = task.state in ("open", "leased")',
        LEASES,
        "A task would be taken from whoever is reading it.",
    ),
    Mutant(
        "twins-for-one-person",
        "store/tasks.py",
        "AND NOT EXISTS ({TWIN_DONE})",
        "AND :annotator = :annotator",
        LEASES,
        "One person would be several of those who are to agree.",
    ),
    Mutant(
        "twin-is-any-task-of-the-prompt",
        "store/tasks.py",
        "AND NOT EXISTS (SELECT 1 FROM task_responses its WHERE its.task_id = t.id AND its.response_id NOT IN",
        "AND NOT EXISTS (SELECT 1 FROM task_responses its WHERE 0 AND its.response_id NOT IN",
        LEASES,
        "Whoever ranked a prompt once would never compare versions on it.",
    ),
    Mutant(
        "repeats-come-first",
        "store/tasks.py",
        "ORDER BY t.reason IN {",
        "ORDER BY t.reason NOT IN {",
        "tests/store/test_checks.py",
        "What nobody has ranked would wait for what was ranked already.",
    ),
    Mutant(
        "cancelled-job-done",
        "store/jobs.py",
        "UPDATE jobs SET state = 'done', progress = 1, result = ?, heartbeat = ?\"\n"
        "            \" WHERE id = ? AND state != 'cancelled'\"",
        "UPDATE jobs SET state = 'done', progress = 1, result = ?, heartbeat = ?\"\n"
        "            \" WHERE id = ? AND state != ''\"",
        "tests/store/test_jobs.py",
        "A job that was cancelled would say that it had ended well.",
    ),
    Mutant(
        "gold-for-its-author",
        "store/checks.py",
        "WHERE mine.prompt_id = g.prompt_id AND mine.annotator = :annotator)",
        "WHERE mine.prompt_id = g.prompt_id AND mine.annotator = '')",
        "tests/store/test_checks.py",
        "People would be judged by their own answers, again and again.",
    ),
)
