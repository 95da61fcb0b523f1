"""Figures of the shipped base: `python -m tests.rlhf.tiny.measure [--model DIR] [--show 60]`, about two minutes.

Samples four replies a prompt at temperature 1 from the 4-bit NF4 base, and prints what the replies do, how they
differ, how far annotators agree on them, how fast they come, and how well a linear probe on the last hidden state at
the end of a reply tells whether the reply answers, trained on ranked topics and tested on the new ones.
"""

import argparse
import statistics
import time
import warnings
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from rlhf.tiny import MODEL_DIR
from rlhf.tiny.annotator import utility
from rlhf.tiny.prompts import TinyPrompt, evaluation_prompts, new_topic_prompts, ranking_prompts
from rlhf.tiny.reading import read
from tests.rlhf.tiny.agreement import agreement

K = 4


def load(folder: Path, nf4: bool):
    """The tokenizer and the model, its linear layers in 4 bits where `nf4` says so."""
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, quantization_config=config if nf4 else None
    )
    for module in model.modules():
        if getattr(module, "support_avx512bf16_for_cpu", False):
            module.support_avx512bf16_for_cpu = False
    return AutoTokenizer.from_pretrained(folder), model.eval()


def ask(tokenizer, prompts: list[TinyPrompt]):
    """The prompts as a padded batch of the model's inputs."""
    chats = [[{"role": "user", "content": p.text}] for p in prompts]
    return tokenizer.apply_chat_template(
        chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
    )


@torch.no_grad()
def sample(model, tokenizer, prompts: list[TinyPrompt], seed: int, batch: int = 64):
    """K replies a prompt, and the hidden state (H,) at the end of each: lists in the order prompt, sample."""
    torch.manual_seed(seed)
    replies, states, lengths = [], [], []
    for start in range(0, len(prompts), batch):
        inputs = ask(tokenizer, prompts[start : start + batch])
        out = model.generate(**inputs, do_sample=True, top_k=0, top_p=1.0, max_new_tokens=64, num_return_sequences=K)
        prompt_mask = inputs["attention_mask"].repeat_interleave(K, 0)
        new = out[:, prompt_mask.shape[1] :]
        mask = torch.cat([prompt_mask, (new != tokenizer.pad_token_id).long()], 1)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        hidden = model.model(input_ids=out, attention_mask=mask, position_ids=positions).last_hidden_state
        last = mask.shape[1] - 1 - mask.flip(1).argmax(1)
        states.append(hidden[torch.arange(len(last)), last])
        lengths += (new != tokenizer.pad_token_id).sum(1).tolist()
        replies += [text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)]
    return replies, torch.cat(states), lengths


def describe(name: str, prompts: list[TinyPrompt], replies: list[str], lengths: list[int]) -> None:
    """Print what the replies to some prompts do and how they differ."""
    asked = [prompt.text for prompt in prompts for _ in range(K)]
    seen = [read(question, reply) for question, reply in zip(asked, replies, strict=True)]
    worth = [utility(question, reply) for question, reply in zip(asked, replies, strict=True)]
    kinds = ["on" if s.answers else "other" if s.other_topics else "none" for s in seen]
    shares = {kind: round(kinds.count(kind) / len(kinds), 3) for kind in ("on", "other", "none")}
    flags = ("courteous", "reason", "hedging", "repetition", "follow_up", "unfinished")
    manners = {flag: round(sum(getattr(s, flag) for s in seen) / len(seen), 3) for flag in flags}
    malformed = sum(s.malformed for s in seen) / sum(s.sentences for s in seen)
    fours = [slice(i, i + K) for i in range(0, len(replies), K)]
    distinct = sum(len(set(replies[four])) == K for four in fours) / len(fours)
    spread = statistics.mean(statistics.stdev(worth[four]) for four in fours)
    print(
        f"{name}: {len(replies)} replies, {shares}, {manners}\n  malformed sentences {malformed:.3f}, tokens mean "
        f"{statistics.mean(lengths):.1f} max {max(lengths)}, four different replies {distinct:.3f}\n  utility mean "
        f"{statistics.mean(worth):.2f}, standard deviation within a prompt {spread:.2f}"
    )


def probe(states: torch.Tensor, labels: torch.Tensor, tests: dict[str, tuple[torch.Tensor, torch.Tensor]]) -> None:
    """Fit a ridge logistic regression on (N, H) states and print its accuracy on each test set."""
    mean, scale = states.mean(0), states.std(0) + 1e-6
    weights = torch.zeros(states.shape[1] + 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")
    inputs = (states - mean) / scale

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(inputs @ weights[1:] + weights[0], labels)
        value = value + 1e-3 * weights[1:].square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    for name, (found, truth) in tests.items():
        guess = ((found - mean) / scale @ weights[1:] + weights[0]) > 0
        accuracy = (guess == truth.bool()).float().mean().item()
        print(f"probe on {len(states)} replies: accuracy {accuracy:.3f} on {name}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL_DIR)
    parser.add_argument("--fp32", action="store_true", help="do not quantise")
    parser.add_argument("--show", type=int, default=0, help="how many replies to print")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    tokenizer, model = load(options.model, nf4=not options.fp32)
    sets = {"ranked": ranking_prompts()[:250], "evaluation": evaluation_prompts()[:100], "new": new_topic_prompts()}
    found = {}
    for name, prompts in sets.items():
        replies, states, lengths = sample(model, tokenizer, prompts, seed=0)
        describe(name, prompts, replies, lengths)
        truth = [read(prompts[i // K].text, reply).answers for i, reply in enumerate(replies)]
        found[name] = (states, torch.tensor(truth).float())
        if name == "ranked":
            right, agree = agreement((p.text, replies[n * K : n * K + K]) for n, p in enumerate(prompts))
            print(f"agreement with the utility {right:.3f}, between annotators {agree:.3f}")
        for i in range(0, options.show // 3 * K, K):
            print(f"  [{prompts[i // K].text}]", *(f"     - {text}" for text in replies[i : i + K]), sep="\n")
    for count in (200, 1000):
        probe(found["ranked"][0][:count], found["ranked"][1][:count], {k: found[k] for k in ("evaluation", "new")})
    started = time.monotonic()
    inputs = ask(tokenizer, sets["ranked"][:64])
    with torch.no_grad():
        model.generate(
            **inputs, do_sample=True, top_k=0, min_new_tokens=64, max_new_tokens=64, num_return_sequences=K
        )
    print(f"256 replies of 64 tokens: {time.monotonic() - started:.1f} s on {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
