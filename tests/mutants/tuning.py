"""What supervised fine-tuning and DPO are taught, by whom, and what of the base is put back."""

from tests.mutants.record import Mutant

LEND, TUNED = "rlhf/training/lending.py", "tests/rlhf/training/test_tuning.py"
TAUGHT, KEPT = "tests/rlhf/stages/test_pairs.py", "tests/rlhf/stages/test_tuned_stages.py"
WAYS = "tests/rlhf/stages/test_loop.py"

MUTANTS = (
    Mutant(
        "another-adapter-trained",
        LEND,
        "            model.peft.set_adapter(LENT)\n",
        "            pass\n",
        TUNED,
        "DPO would train nothing, its loss standing at log 2, without a word.",
    ),
    Mutant(
        "start-rounded-to-bf16",
        LEND,
        '    model.copy("policy", LENT)\n    trainer.remove_callback',
        "    trainer.remove_callback",
        TUNED,
        "Training would start from weights that TRL has rounded.",
    ),
    Mutant(
        "pairs-reversed",
        "rlhf/stages/pairs.py",
        "(i, j) if gap > 0 else (j, i)",
        "(j, i) if gap > 0 else (i, j)",
        TAUGHT,
        "DPO would be taught what people like least.",
    ),
    Mutant(
        "worst-answers-shown",
        "rlhf/stages/demonstrations.py",
        "key=lambda k: -rated.scores[k].elo",
        "key=lambda k: rated.scores[k].elo",
        TAUGHT,
        "Fine-tuning would be shown the responses that people ranked last.",
    ),
    Mutant(
        "held-out-prompts-shown",
        "rlhf/stages/demonstrations.py",
        "known.get(prompts.digest(messages)) or prompts.draw_split(messages)",
        "prompts.draw_split(messages)",
        TAUGHT,
        "Policies would be judged on prompts whose answers they were shown.",
    ),
    Mutant(
        "prompts-learned-too",
        "rlhf/training/sft.py",
        '"labels": [-100] * len(prompt) + list(shown.answer)',
        '"labels": [*prompt, *shown.answer]',
        TUNED,
        "Fine-tuning would teach a policy to ask like its users.",
    ),
    Mutant(
        "loop-forgets-its-way",
        "rlhf/loop.py",
        "run_round(_turn(ctx), with_=with_, force=force)",
        "run_round(_turn(ctx), force=force)",
        WAYS,
        "`loop --with dpo` would run PPO.",
    ),
    Mutant(
        "unmeasured-is-lost",
        "rlhf/stages/tuned.py",
        "    except Exception as error:",
        "    except ZeroDivisionError as error:",
        KEPT,
        "A policy would be thrown away where what it forgot cannot be measured.",
    ),
    Mutant(
        "broken-off-dpo-trained-again",
        "rlhf/stages/dpo.py",
        "    if half:\n",
        "    if False:\n",
        KEPT,
        "A job killed while it measured its policy would train it a second time.",
    ),
    Mutant(
        "broken-off-sft-never-measured",
        "rlhf/stages/sft.py",
        "        if is_half(done):\n",
        "        if False:\n",
        KEPT,
        "A policy whose measuring was broken off would stay without figures for ever.",
    ),
)
