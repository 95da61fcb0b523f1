"""What a policy forgets of the base: how well it still writes text that the base writes well.

The cost of training that no preference shows. It is measured on held-out text of the base's own, and countered by
mixing other text of that kind into the training (`replay`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from rlhf import training
from rlhf.stages.compare import answers, uncut
from rlhf.stages.context import Context
from rlhf.tiny.corpus import conversations
from store import prompts
from store.errors import BadInput
from store.results import Forgetting

if TYPE_CHECKING:
    from rlhf.training.chat import Sequences
    from rlhf.training.models import Role, RoleModel

log = logging.getLogger(__name__)

HELD_TEXTS = 200
"""Texts on which it is measured."""
HELD_SEED, REPLAY_SEED = 2, 5
"""Of the embedded corpus: the base was trained on the seeds 0 and 3."""
LONGEST = 512
"""Tokens of a text that are looked at."""


def own_text(ctx: Context, model: RoleModel) -> Sequences:
    """Held-out text that the base writes well: as [forgetting] says, or its own corpus, or its likeliest answers.

    Raises BadInput for a file that cannot be used, and where there is neither text nor a held-out prompt.
    """
    if ctx.settings.forgetting.text:
        return _passages(ctx, model, slice(0, None, 2), HELD_TEXTS)
    if ctx.settings.model.base_model == "tiny":
        return _corpus(model, HELD_SEED, HELD_TEXTS)
    return _answers(ctx, model, "eval", HELD_TEXTS, temperature=0.0)


def replay_text(ctx: Context, model: RoleModel, count: int) -> Sequences:
    """Other text of the same kind, to be trained on; the base's answers to train prompts where there is none."""
    if ctx.settings.forgetting.text:
        return _passages(ctx, model, slice(1, None, 2), count)
    if ctx.settings.model.base_model == "tiny":
        return _corpus(model, REPLAY_SEED, count)
    return _answers(ctx, model, "train", count, temperature=1.0)


def forgotten(ctx: Context, model: RoleModel, before: Role, after: Role) -> Forgetting:
    """Nats a token on the base's own text under two roles; a warning in the log where it grew beyond the limit."""
    text = own_text(ctx, model)
    found = Forgetting(*(training.metrics.nats(model, text, role) for role in (before, after)))
    limit = ctx.settings.forgetting.limit
    if found.after - found.before > limit:
        log.warning(
            "It forgets: the base's own text costs %.3f nats a token now and %.3f before, which is more than %g "
            "([forgetting] limit). A replay share in [sft] or [dpo] counters it, as ptx_coef in [ppo] does.",
            found.after,
            found.before,
            limit,
        )
    return found


def _corpus(model: RoleModel, seed: int, count: int) -> Sequences:
    return _cut(model, [model.chat.conversation(chat) for chat in conversations(count, seed=seed)])


def _passages(ctx: Context, model: RoleModel, part: slice, count: int) -> Sequences:
    """Every second line of the file: one half is judged on, the other may be trained on."""
    file = ctx.workspace.folder / ctx.settings.forgetting.text
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"[forgetting] text names {file}, which cannot be read as text ({error}).") from error
    if len(lines) < 2:
        raise BadInput(f"{file} has {len(lines)} passages of text: put at least 2 there, each on a line.")
    return _cut(model, [model.chat.passage(line) for line in islice(lines[part], count)])


def _answers(ctx: Context, model: RoleModel, split: str, count: int, *, temperature: float) -> Sequences:
    with ctx.store() as db:
        asked = [p for p in prompts.every(db) if p.split == split][:count]
    if not asked:
        raise BadInput(f"There are 0 prompts of the split {split}: import more, or name a file in [forgetting] text.")
    said = answers(uncut(ctx, temperature), model, [p.messages for p in asked], "base", 0)
    told = [(model.chat.prompt(p.messages), list(one.token_ids)) for p, one in zip(asked, said, strict=True)]
    return _cut(model, told)


def _cut(model: RoleModel, texts: Sequence[tuple[list[int], list[int]]]) -> Sequences:
    room = min(model.chat.context, LONGEST)
    told = [(before, rest[: room - len(before)]) for before, rest in texts if rest and len(before) < room]
    return model.chat.sequences([before for before, _ in told], [rest for _, rest in told])
