"""What people say beside their order, and what it holds back."""

from tests.mutants.record import Mutant

VOICES = "tests/store/test_voices.py"
HELD = f"{VOICES} tests/rlhf/stages/test_taken_out.py"

MUTANTS = (
    Mutant(
        "flag-holds-nothing",
        "store/voice_tables.py",
        "UNION ALL SELECT id FROM prompts WHERE held IS NOT NULL",
        "UNION ALL SELECT id FROM prompts WHERE held = 0",
        HELD,
        "The twins of a flagged task would go on to others, and its prompt would be rated.",
    ),
    Mutant(
        "flag-taught",
        "store/prompts.py",
        "waiting = 0 {where} AND held IS NULL",
        "waiting = 0 {where}",
        HELD,
        "Models would be trained on a prompt that somebody called harmful.",
    ),
    Mutant(
        "flag-held-for-ever",
        "store/rankings.py",
        "AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.ranking_id = r.id)",
        "",
        HELD,
        "What a researcher put back would stay away.",
    ),
    Mutant(
        "flag-taken-back-still-holds",
        "store/rankings.py",
        "AND NOT EXISTS (SELECT 1 FROM rankings newer WHERE newer.supersedes = r.id)\n                AND",
        "AND",
        VOICES,
        "A slip of the finger could not be undone.",
    ),
    Mutant(
        "skip-taken-from-somebody",
        "store/rankings.py",
        'return task.state == "open" or late or task.annotator == annotator',
        "return True",
        VOICES,
        "Two people would count for a task that one was to rank.",
    ),
)
