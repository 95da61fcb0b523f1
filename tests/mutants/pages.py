"""Who may do what on the pages, what they are told, and which option wins."""

from tests.mutants.record import Mutant

QUEUE, DOOR = "tests/annotate/test_queue.py", "tests/annotate/test_security.py"

DOING = "tests/rlhf/jobs/test_owner.py"
TIED = "tests/rlhf/jobs/test_tied.py"
PATIENCE = "tests/rlhf/jobs/test_patience.py"

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
        "store/attempts.py",
        'f"{newest} OFFSET {limit - 1}"',
        'f"{newest} OFFSET {limit * 1000}"',
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
    Mutant(
        "cancel-wakes-nobody",
        "rlhf/jobs/pulse.py",
        "signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)",
        "pass",
        DOING,
        "A job that computes for minutes without a word would not hear that it was cancelled.",
    ),
    Mutant(
        "nohup-not-honoured",
        "rlhf/jobs/pulse.py",
        "if main and signal.getsignal(one) == signal.SIG_DFL]",
        "if main]",
        DOING,
        "A loop that was started to outlive its terminal would end with it, and a child that is stopped would fail.",
    ),
    Mutant(
        "orphans-live-on",
        "rlhf/jobs/pulse.py",
        "    os.kill(os.getpid(), signal.SIGTERM)\n        time.sleep(END_SECONDS)\n        os._exit",
        "    time.sleep(1000 * END_SECONDS)\n        os._exit",
        TIED,
        "Each killed server would leave a worker behind.",
    ),
    Mutant(
        "worker-not-started-again",
        "rlhf/jobs/keeper.py",
        "while not ending.is_set():",
        "if not ending.is_set():",
        TIED,
        "A worker that died would leave the queue standing until somebody looks.",
    ),
    Mutant(
        "worker-dies-of-a-lock",
        "rlhf/jobs/worker.py",
        "except (sqlite3.Error, OSError, PlatformError) as error:\n                forget()",
        "except OSError as error:\n                forget()",
        PATIENCE,
        "A backup tool that holds the store for a minute would end all training.",
    ),
)
