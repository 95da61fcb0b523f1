"""A prompt that a researcher puts to one version, or to two side by side: the form, and what it may send."""

from markupsafe import Markup
from sqlite_utils import Database

from rlhf.settings.bounds import refusal
from store import models, prompts
from store.errors import BadInput
from store.records import Json

LONGEST = 20_000
"""Characters of a prompt; the context of a model is mostly shorter, and says so when the job runs."""

_FORM = Markup("""<form class="asking"><textarea name="prompt" rows="2" required maxlength="{longest}"
 aria-label="Prompt" placeholder="Ask one version, or two side by side"></textarea>
<select name="first" aria-label="Version">{first}</select>
<select name="second" aria-label="Second version"><option value="">no other</option>{second}</select>
<button>Ask</button></form>""")


def form(db: Database) -> Markup:
    """The form, with the policies there are; the one that writes the next responses stands first."""
    names = [version.name for version in reversed(models.every(db, "policy"))]
    first = [version.name for version in models.speakers(db, [])] if names else []
    return _FORM.format(longest=LONGEST, first=_options([*first, *names]), second=_options(names))


def _options(names: list[str]) -> Markup:
    return Markup("").join(Markup("<option>{}</option>").format(name) for name in dict.fromkeys(names))


def asked(db: Database, sent: Json) -> Json:
    """The parameters of the job that answers what a page has sent.

    Raises BadInput for a prompt that is no text, empty or too long, and as `models.speakers` does for the versions.
    """
    prompt, versions = sent.get("prompt"), sent.get("versions")
    if not isinstance(prompt, str) or not isinstance(versions, list) or any(refusal(str, v) for v in versions):
        raise BadInput("The page sent no prompt and versions: reload it.")
    if len(prompt) > LONGEST:
        raise BadInput(f"The prompt has {len(prompt)} characters and at most {LONGEST} are taken: shorten it.")
    text = prompts.make([{"role": "user", "content": prompt}], source="asked").text
    return {"prompt": text, "versions": [version.name for version in models.speakers(db, versions)]}
