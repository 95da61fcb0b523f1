"""How the launcher is called: messages say `python launch.py`, and whoever calls the installed command reads that."""

import os

CHECKOUT, INSTALLED = "python launch.py", "rankloop"
CALLED = "RANKLOOP_CALLED"
"""The variable in which a process, and the worker that it starts, finds how the launcher was called."""


def as_called(text: str) -> str:
    """A message with each of its commands as one has to type it here; what it quotes of a person is no message."""
    return text.replace(CHECKOUT, os.environ.get(CALLED, CHECKOUT))
