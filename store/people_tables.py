"""What the twelfth migration adds: what becomes of accounts, who did it, and how often a password was guessed."""

from store.first_tables import NOW

# Invitations get a number, by which they can be named without their secret, and which is never used again. SQLite
# cannot add a primary key, so that the table is made anew. `uses` is how many accounts the link may make in all.
# The numbers that accounts keep are no references: an invitation that is used up is swept away.
PEOPLE_TABLES = (
    f"""CREATE TABLE new_invitations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        token_hash TEXT NOT NULL UNIQUE,
        role TEXT NOT NULL CHECK (role IN ('annotator', 'researcher', 'admin')),
        uses_left INTEGER,
        expires REAL NOT NULL,
        created {NOW},
        uses INTEGER,
        by TEXT NOT NULL DEFAULT '') STRICT""",
    """INSERT INTO new_invitations (token_hash, role, uses_left, expires, created, uses)
        SELECT token_hash, role, uses_left, expires, created, uses_left FROM invitations ORDER BY created""",
    "DROP TABLE invitations",
    "ALTER TABLE new_invitations RENAME TO invitations",
    "ALTER TABLE annotators ADD COLUMN invitation_id INTEGER",
    "ALTER TABLE annotators ADD COLUMN signed_in TEXT",
    "CREATE INDEX annotators_of_invitation ON annotators(invitation_id, created)",
    f"""CREATE TABLE acts (
        id INTEGER PRIMARY KEY,
        by TEXT NOT NULL,
        act TEXT NOT NULL,
        whom TEXT NOT NULL,
        detail TEXT NOT NULL DEFAULT '',
        created {NOW}) STRICT""",
    """CREATE TRIGGER acts_are_never_changed BEFORE UPDATE ON acts
        BEGIN SELECT RAISE(ABORT, 'the log of acts is append-only'); END""",
    """CREATE TRIGGER acts_are_never_deleted BEFORE DELETE ON acts
        BEGIN SELECT RAISE(ABORT, 'the log of acts is append-only'); END""",
    # The hash of a name and not the name: people type their password there by mistake.
    """CREATE TABLE attempts (
        id INTEGER PRIMARY KEY,
        name_hash TEXT NOT NULL,
        address TEXT NOT NULL,
        at REAL NOT NULL) STRICT""",
    "CREATE INDEX attempts_of_name ON attempts(name_hash, address)",
    "CREATE INDEX attempts_of_address ON attempts(address)",
)
