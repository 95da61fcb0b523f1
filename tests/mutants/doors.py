"""What goes out of the house, and what a response is traced back to."""

from tests.mutants.record import Mutant

DATA, MODEL = "tests/rlhf/exports/test_data.py", "tests/rlhf/exports/test_model.py"
TRACES, PAGES = "tests/store/test_traces.py", "tests/annotate/test_documents.py"

MUTANTS = (
    Mutant(
        "worse-one-chosen",
        "rlhf/exports/rows.py",
        "better, worse = sorted((one, other), key=lambda score: -score.elo)",
        "better, worse = sorted((one, other), key=lambda score: score.elo)",
        DATA,
        "Whoever trains on the pairs would learn what people like least.",
    ),
    Mutant(
        "worst-group-first",
        "rlhf/exports/records.py",
        "for level in sorted(set(ranking.levels.values()))",
        "for level in sorted(set(ranking.levels.values()), reverse=True)",
        DATA,
        "Every ranking would go out upside down.",
    ),
    Mutant(
        "names-go-out",
        "rlhf/exports/names.py",
        "if not self.pseudonyms or person.startswith(SIMULATED):",
        "if person:",
        DATA,
        "People who were promised pseudonyms would be named.",
    ),
    Mutant(
        "comments-go-out",
        "rlhf/exports/records.py",
        '"" if self.names.pseudonyms else ranking.comment',
        "ranking.comment",
        DATA,
        "What people wrote in their own words would go out beside their pseudonyms.",
    ),
    Mutant(
        "export-of-many-moments",
        "store/streams.py",
        'db.conn.execute("BEGIN")',
        'db.conn.execute("SELECT 1")',
        DATA,
        "The counts of a card would not be those of its rows.",
    ),
    Mutant(
        "never-stops-elsewhere",
        "rlhf/training/elsewhere.py",
        'told = found.to_dict() | {"eos_token_id": list(stop_ids)}',
        "told = found.to_dict()",
        MODEL,
        "An exported policy would not end its answers.",
    ),
    Mutant(
        "path-of-the-base-goes-out",
        "rlhf/training/elsewhere.py",
        "kept = {key: value for key, value in told.items() if key not in OWN_PATHS}",
        "kept = told",
        MODEL,
        "Where models lie on this machine would be told to everybody.",
    ),
    Mutant(
        "revised-words-forgotten",
        "store/traces.py",
        "WHERE newer.supersedes = r.id AND newer.id <= :last)",
        "WHERE newer.supersedes = r.id)",
        TRACES,
        "A version would be said not to rest on a word that was changed after it was made.",
    ),
    Mutant(
        "report-for-everybody",
        "annotate/documents.py",
        "require(workspace, request, AREA)",
        "signed_in(workspace, request)",
        PAGES,
        "Annotators would read how each of them agrees with the others.",
    ),
)
