"""Who may do what on the pages, what they are told, and which option wins."""

from tests.mutants.record import Mutant

QUEUE, DOOR = "tests/annotate/test_queue.py", "tests/annotate/test_security.py"

MUTANTS = (
    Mutant(
        "levels-by-stored-order",
        "annotate/queue.py",
        "return dict(zip(task.shown_order, levels, strict=True))",
        "return dict(zip(task.response_ids, levels, strict=True))",
        QUEUE,
        "The best answer on the page would be another one in the store.",
    ),
    Mutant(
        "order-never-shuffled",
        "annotate/queue.py",
        "random.shuffle(order)",
        "order.sort()",
        QUEUE,
        "The oldest version would always stand on top, and people prefer the top.",
    ),
    Mutant(
        "foreign-origin-let-in",
        "annotate/security.py",
        'return site in ("same-origin", "none")',
        "return True",
        DOOR,
        "Another site's page could rank in the name of whoever visits it.",
    ),
    Mutant(
        "research-for-everybody",
        "annotate/security.py",
        '"/research": frozenset(("researcher", "admin")),',
        '"/research": frozenset(("annotator", "researcher", "admin")),',
        DOOR,
        "Annotators would see who wrote what they rank.",
    ),
    Mutant(
        "no-brake",
        "annotate/security.py",
        "if len(failures) >= limit:",
        "if False:",
        DOOR,
        "Passwords could be guessed as fast as the server answers.",
    ),
    Mutant(
        "flags-do-not-win",
        "rlhf/jobs/execute.py",
        'settings = overlay(settings_of(workspace), arguments.pop("settings", {}))',
        'settings = overlay(overlay(settings_of(workspace), arguments.pop("settings", {})), workspace.settings())',
        "tests/rlhf/jobs/test_execute.py",
        "What is asked on the command line would be overruled by workspace.toml.",
    ),
)
