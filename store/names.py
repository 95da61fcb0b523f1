"""The names of people: one form for all that look the same, nothing in it that is not seen, no two alike."""

import hashlib
import unicodedata
from functools import lru_cache

from store.records import IMPORTED, SIMULATED

MOST_NAME = 80
"""Characters that a name may have; the table itself refuses longer ones."""
DIGEST = 12
"""Hexadecimal digits by which two long names of a file are told apart."""
JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners, with which Persian, Hindi and other names are written."""

_UNSEEN_KINDS = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Controls, formats (marks of direction and zero-width ones are among them), halves, unassigned, ends of lines."""
_UNSEEN = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2800, 0x3164, *range(0xFE00, 0xFE10)))
) | frozenset(map(chr, range(0xE0100, 0xE01F0)))
"""Letters and marks by their kind that draw nothing: fillers, selectors of a variant, the blank of Braille."""
_PLAIN_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
"""Scripts whose letters need no joiner, as the names of their letters begin."""

# Letters of other scripts that look like one of Latin, after the confusables of Unicode's Technical Standard 39; the
# first row of each pair is mapped to the second, letter by letter.
_LOOKS = str.maketrans(
    "вмнтβεζμτагеіјкорпсѕухһԁԛԝѵӏАВЕЅІЈКМНОРСТУХѴԚԜӀαγηικνορσυχωϲϳΑΒΕΖΗΙΚΜΝΟΡΤΥΧıɑɡ",
    "bmhtbezmtareijkopncsyxhdqwvlABESIJKMHOPCTYXVQWIaynikvopouxwcjABEZHIKMNOPTYXiag",
)
_DIGITS, _SHAPES = str.maketrans("01", "ol"), str.maketrans("0I1|", "Olll")


def normal(name: str) -> str:
    """A name as it is stored: in Unicode's form NFKC, without blanks around it, with one between two words."""
    composed = unicodedata.normalize("NFKC", name).strip()
    spaced = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in composed)
    return " ".join(filter(None, spaced.split(" ")))


def unseen(name: str) -> str | None:
    """The first character that is not seen but changes how a name reads, or whom it names; None where there is none.

    A joiner may stand between letters of the scripts that are written with it.
    """
    for at, letter in enumerate(name):
        if letter in JOINERS:
            if not (_joins(name[at - 1 : at]) and _joins(name[at + 1 : at + 2])):
                return letter
        elif _draws_nothing(letter):
            return letter
    return None


@lru_cache(maxsize=10_000)
def from_file(name: str) -> str:
    """The name under which an annotator or a version of a file is stored: with `imported:` before it, if not yet.

    Simulated annotators stay what they are. Characters that are not seen are left out, and a name that is too long is
    cut, with a digest of the whole in place of the rest.
    """
    shown = normal("".join(letter for letter in name if letter in JOINERS or not _draws_nothing(letter))) or "unknown"
    if not shown.lower().startswith((IMPORTED, SIMULATED)):
        shown = IMPORTED + shown
    if len(shown) <= MOST_NAME:
        return shown
    return f"{shown[: MOST_NAME - DIGEST - 1]}-{hashlib.sha256(shown.encode()).hexdigest()[:DIGEST]}"


@lru_cache(maxsize=20_000)
def looks(name: str) -> frozenset[str]:
    """What a name is taken for: two names that have one of these in common are taken for each other.

    The one is without regard to capitals, the other as it stands, where a capital I is a small l. In both, letters
    of Greek and Cyrillic are those of Latin that they look like.
    """
    bare = normal(name).translate(dict.fromkeys(map(ord, JOINERS)))
    return frozenset(
        (bare.casefold().translate(_LOOKS).translate(_DIGITS), bare.translate(_LOOKS).translate(_SHAPES))
    )


def _draws_nothing(letter: str) -> bool:
    return letter in _UNSEEN or unicodedata.category(letter) in _UNSEEN_KINDS


def _joins(letter: str) -> bool:
    """Whether a character is of a script that is written with joiners."""
    if not letter or unicodedata.category(letter)[0] not in "LM":
        return False
    return not unicodedata.name(letter, "").startswith(_PLAIN_SCRIPTS)
