"""Responses from a policy: seeded, batched, K a prompt."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache, TopPLogitsWarper

from rlhf.settings import SamplingConfig
from rlhf.training.chat import Sequences
from rlhf.training.models import RoleModel, Voice
from rlhf.training.progress import OnProgress, silent
from store.errors import BadInput
from store.records import FinishReason, Message


@dataclass(frozen=True)
class Sample:
    """One response; `finish_reason` is `stop` if the policy ended its turn, `length` if it was cut."""

    text: str
    finish_reason: FinishReason
    seed: int
    token_ids: tuple[int, ...]


def sample(
    model: RoleModel,
    chats: Sequence[Sequence[Message]],
    config: SamplingConfig,
    *,
    role: Voice = "policy",
    progress: OnProgress = silent,
) -> list[list[Sample]]:
    """`config.responses` samples of each chat, in the order of the chats.

    Raises BadInput for a chat that leaves no room in the context for `max_new_tokens`.
    """
    prompts = [model.chat.prompt(chat) for chat in chats]
    check_room(model, prompts, config.max_new_tokens)
    # Chats of like length together, so that little is padded; each batch has its own seed.
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
    jobs = [i for i in order for _ in range(config.responses)]
    out: list[list[Sample]] = [[] for _ in prompts]
    for start in range(0, len(jobs), config.batch_size):
        progress(start, len(jobs), "sampling responses")
        rows = jobs[start : start + config.batch_size]
        seed = config.seed * 1_000_003 + start
        seq = generate(model, [prompts[i] for i in rows], config, role=role, seed=seed)
        for i, ids, mask in zip(rows, seq.response_ids.tolist(), seq.response_mask.tolist(), strict=True):
            kept = [token for token, real in zip(ids, mask, strict=True) if real]
            ended = bool(kept) and kept[-1] in model.chat.stop_ids
            out[i].append(Sample(model.chat.text(kept), "stop" if ended else "length", seed, tuple(kept)))
    progress(len(jobs), len(jobs), "sampling responses")
    return out


def check_room(model: RoleModel, prompts: Sequence[Sequence[int]], new_tokens: int) -> None:
    """Raise BadInput if a prompt of token ids and `new_tokens` more do not fit the context."""
    for ids in prompts:
        if len(ids) + new_tokens > model.chat.context:
            raise BadInput(
                f"A prompt of {len(ids)} tokens and {new_tokens} of answer exceed the context of "
                f"{model.chat.context}: shorten the prompt, or lower max_new_tokens."
            )


@torch.no_grad()
def generate(
    model: RoleModel, prompts: Sequence[Sequence[int]], config: SamplingConfig, *, role: Voice, seed: int
) -> Sequences:
    """One response to each prompt of token ids; the mask keeps the first end-of-turn token and nothing after it."""
    blank = model.to_device(model.chat.sequences(prompts, [[] for _ in prompts]))
    draw = _Draw(config, torch.Generator(device=model.device).manual_seed(seed))
    with model.role(role):
        response = _decode(model, blank, config.max_new_tokens, draw)
    return Sequences(blank.prompt_ids, blank.prompt_mask, response, up_to_end(response, model.chat.stop_ids))


def _decode(model: RoleModel, blank: Sequences, steps: int, draw: "_Draw") -> torch.Tensor:
    """Token ids (B, R) drawn one column at a time; rows that have ended leave the batch.

    transformers' generate carries every row to the end of the longest. Where the mean response is a third of the
    limit, as on `tiny`, that is most of the work: tests/benchmarks/decoding.py has the ratio.
    """
    rows = torch.arange(len(blank.prompt_ids), device=model.device)
    stops = torch.tensor(model.chat.stop_ids, device=model.device)
    out = torch.full((len(rows), steps), model.chat.pad_id, device=model.device)
    cache = DynamicCache(config=model.base.config)
    ids, mask = blank.prompt_ids, blank.prompt_mask.long()
    position = blank.position_ids
    ended = torch.zeros(len(rows), dtype=torch.bool, device=model.device)
    step = 0
    for step in range(steps):
        logits = model.peft(
            input_ids=ids,
            attention_mask=mask,
            position_ids=position,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        token = draw(logits.float())
        out[rows[~ended], step] = token[~ended]
        ended = ended | torch.isin(token, stops)
        if ended.all():
            break
        position = position[:, -1:] + 1
        if ended.float().mean() > 0.2:  # to cut the cache costs a copy of it, so not for a row or two
            kept = (~ended).nonzero().squeeze(1)
            cache.batch_select_indices(kept)
            rows, token, mask, position, ended = (t[kept] for t in (rows, token, mask, position, ended))
        ids = token[:, None]
        mask = torch.cat([mask, torch.ones_like(ids)], dim=1)
    return out[:, : step + 1]


class _Draw:
    """Tokens (B,) from logits (B, V); temperature 0 takes the likeliest."""

    def __init__(self, config: SamplingConfig, generator: torch.Generator) -> None:
        self.temperature, self.generator = config.temperature, generator
        self.nucleus = TopPLogitsWarper(config.top_p) if config.top_p < 1 else None

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        if self.temperature == 0:
            return logits.argmax(dim=-1)
        logits = logits / self.temperature
        if self.nucleus:
            logits = self.nucleus(None, logits)
        # By the inverse of the cumulative distribution: torch.multinomial takes four times as long on the CPU.
        cumulative = logits.softmax(dim=-1).cumsum(dim=-1)
        total = cumulative[:, -1:]
        u = torch.rand(total.shape, generator=self.generator, device=logits.device) * total
        return torch.searchsorted(cumulative, u, right=True).squeeze(1).clamp(max=logits.shape[1] - 1)


def up_to_end(response: torch.Tensor, stop_ids: Sequence[int]) -> torch.Tensor:
    """Mask (B, R) of the tokens up to and with the first end-of-turn one."""
    ends = torch.isin(response, torch.tensor(list(stop_ids), device=response.device))
    return ends.long().cumsum(dim=1) - ends.long() == 0
