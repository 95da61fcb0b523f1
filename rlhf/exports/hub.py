"""A folder to a hub: whether it can be reached is known in about a second, before anything is made."""

import threading
import urllib.error
import urllib.request
from pathlib import Path

from store.errors import BadInput, WorkError

SECONDS = 1.0
"""How long the hub has for its first word."""


def check_reachable() -> None:
    """Raise BadInput where the hub does not answer; any answer will do."""
    from huggingface_hub import constants

    said: list[str] = []

    def ask() -> None:
        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=SECONDS).close()
        except urllib.error.HTTPError:
            said.append("")  # a refusal is an answer
        except OSError as error:
            said.append(str(getattr(error, "reason", error)))
        else:
            said.append("")

    # In a thread: looking up a name where there is no network may take many seconds, and cannot be told to hurry.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(2 * SECONDS)
    if not said or said[0]:
        why = said[0] if said else f"no answer within {2 * SECONDS:g} s"
        raise BadInput(
            f"The hub {constants.ENDPOINT} cannot be reached ({why}): nothing was exported; leave out --push-to-hub, "
            "and upload the folder later."
        )


def push(folder: Path, repo: str) -> str:
    """Upload a folder as a private model repository, made where there is none; returns its address.

    Raises WorkError for whatever the hub refuses.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        made = api.create_repo(repo, private=True, exist_ok=True, repo_type="model")
        api.upload_folder(repo_id=made.repo_id, folder_path=str(folder), commit_message="Exported by Rankloop")
    except Exception as error:  # whatever class: its client has a dozen, some of them the network's
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise WorkError(
            f"{folder} is exported, and the hub did not take it as {repo} ({first.rstrip('.')}): sign in with "
            f"`hf auth login`, then `hf upload {repo} {folder}`."
        ) from error
    return str(made)
