"""Chat conversations for pretraining, made from a seed.

A user asks, gets a reply of mixed quality, and in most conversations says something to it: thanks and takes the
suggestion up, says that this was not the question, that nothing was said, or minds the manner. As in real chats, what
comes next shows what the reply was worth, so a model that learns to continue conversations learns to tell a reply
that answers from one that does not, on every topic, before anybody has ranked anything.
"""

import random
from collections.abc import Iterator

from rlhf.tiny.prompts import question
from rlhf.tiny.replies import Plan, Rates, capitalise, compose, draw_plan
from rlhf.tiny.topics import ASKS, MODIFIERS, TOPICS, Topic

Message = dict[str, str]

WARM = ("Wonderful", "Lovely", "Perfect", "Brilliant", "Excellent")
"""First words of a user who got an answer and liked its manner; `COOL` where the manner was poor."""
COOL = ("Thanks", "Okay", "Fine", "Good", "Right")
TAKES_UP = (
    "{w}, {s} it is.",
    "{w}, I will go with {s}.",
    "{w}, {s} sounds good.",
    "{w}, {s} is what I was looking for.",
    "{w}, that answers it.",
    "{w}, then I know what to {d}.",
)
WRONG_TOPIC = (
    "No, I asked for {n}.",
    "But I wanted {n}.",
    "That is not what I asked, I wanted {n}.",
    "Sorry, but I need {n}.",
    "No, that has nothing to do with it.",
    "But that is something else. I asked what to {d}.",
)
NO_ANSWER = (
    "Please, you have not told me anything.",
    "And what should I {d}?",
    "Can you be more concrete?",
    "Please name something.",
    "Can you answer me? I need {n}.",
    "Can you just suggest {n}?",
)
SHORT = ("There is no need to be so short.", "Be a little nicer next time.")
UNSURE = ("Are you sure?", "Is that only a guess?")
REPEATED = ("I heard you the first time.", "Twice is enough, I heard you.")
WHY = ("Why {s}?", "Why that?")
GOOD_REASON = ("True, {r}.", "Yes, {r}.")


PLAIN = Rates(
    courteous=0.2,
    reason=0.15,
    hedging=0.15,
    repetition=0.05,
    follow_up=0.1,
    modifier=0.1,
    sentences=(0.8, 0.2, 0.0, 0.0),
)
"""Short replies of few manners: an easy beginning, in which what belongs to which topic is cheap to learn."""


def conversations(count: int, seed: int = 0, rates: Rates | None = None) -> Iterator[list[Message]]:
    """Yield `count` conversations of two to four turns, the same ones for the same seed.

    `rates` is the distribution of the first replies; by default the one that the base is to have.
    """
    rng = random.Random(f"corpus {seed}")
    for _ in range(count):
        yield _conversation(rng, rates)


def _conversation(rng: random.Random, rates: Rates | None) -> list[Message]:
    topic, modifier = rng.choice(TOPICS), rng.choice(MODIFIERS)
    plan = draw_plan(topic, rng, rates)
    reply = compose(plan, topic, modifier, rng)
    messages = [_turn("user", question(topic, rng.choice(ASKS), modifier)), _turn("assistant", reply)]
    if rng.random() < 0.95:
        messages.append(_turn("user", reaction(plan, topic, reply, rng)))
        if rates is None and rng.random() < 0.1:
            second = draw_plan(topic, rng, Rates(on=0.85, other=0.05))
            messages.append(_turn("assistant", compose(second, topic, modifier, rng)))
    return messages


def _turn(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def reaction(plan: Plan, topic: Topic, reply: str, rng: random.Random) -> str:
    """What the user says to a reply that was composed from `plan`."""
    if plan.kind == "other":
        form = rng.choice(WRONG_TOPIC)
    elif plan.kind == "none":
        form = rng.choice(NO_ANSWER)
    else:
        complaints = _complaints(plan)
        if complaints and rng.random() < 0.35:
            form = rng.choice(rng.choice(complaints))
        else:
            pleasing = plan.courteous + plan.reason + plan.follow_up - plan.hedging - 2 * plan.repetition
            word = rng.choice(WARM if pleasing + rng.gauss(0.0, 0.5) > 0.7 else COOL)
            form = rng.choice(TAKES_UP).replace("{w}", word)
    suggestion = next((s for s in topic.suggestions if s.lower() in reply.lower()), "that")
    reason = next((r for r in topic.reasons if r.lower() in reply.lower()), "that is so")
    for slot, value in (("{s}", suggestion), ("{r}", reason), ("{n}", topic.need), ("{d}", topic.do)):
        form = form.replace(slot, value)
    return capitalise(form)


def _complaints(plan: Plan) -> list[tuple[str, ...]]:
    """What a user may say to the manner of a reply that answers."""
    found: list[tuple[str, ...]] = []
    if not plan.courteous:
        found.append(SHORT)
    if plan.hedging:
        found.append(UNSURE)
    if plan.repetition:
        found.append(REPEATED)
    found.append(GOOD_REASON if plan.reason else WHY)
    return found
