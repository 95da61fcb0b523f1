"""What people are called in a file that leaves the house."""

import hashlib
import hmac
import secrets

from store.records import SIMULATED

DIGITS = 12
"""Hexadecimal digits of a pseudonym: two of a million people share one in fewer than one export of a hundred."""


class Names:
    """The name of each person in one export: their own, or a pseudonym that stands for them in all of it.

    A pseudonym is drawn from the name by a random key that is kept nowhere, so neither the names nor two exports can
    be matched again. Simulated annotators keep theirs, by which they are known to be no people.
    """

    def __init__(self, *, pseudonyms: bool) -> None:
        self.pseudonyms = pseudonyms
        self._key = secrets.token_bytes(32)

    def of(self, person: str) -> str:
        """What a person is called in this export."""
        if not self.pseudonyms or person.startswith(SIMULATED):
            return person
        return f"person-{hmac.new(self._key, person.encode(), hashlib.sha256).hexdigest()[:DIGITS]}"
