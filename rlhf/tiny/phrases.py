"""The surface forms that a reply is composed of and read back by. A data file.

Main clauses and prefixes are stored in lower case without final punctuation ('?' marks a question); whole sentences
are stored as they are written. `{s}` is a suggestion, `{n}` the need of its topic, `{r}` a reason, `{m}` a modifier.
"""

SUGGEST = (
    "you could try {s}",
    "how about {s}?",
    "I would go for {s}",
    "{s} would be my choice",
    "my suggestion is {s}",
    "go for {s}",
    "try {s}",
    "have you thought of {s}?",
    "{s} would suit you",
    "why not pick {s}?",
    "what about {s}?",
    "I would choose {s}",
    "I recommend {s}",
    "my tip is {s}",
    "for {n}, I would pick {s}",
    "the best answer is {s}",
    "when it comes to {n}, I like {s}",
    "{s} comes to mind",
    "take {s}",
    "you can not go wrong with {s}",
)
NOTHING = (
    "that depends on many things",
    "it is hard to say",
    "there are so many options",
    "choosing {n} is never easy",
    "everyone has a different answer to that",
    "you will know it when you see it",
    "the right idea will come to you",
    "there is a lot to say about {n}",
    "I have no strong view on that",
    "people have argued about this for years",
    "many people look for {n}",
    "you will surely find something",
    "that is a matter of taste",
    "the question of {n} comes up a lot",
    "there is more than one answer",
    "it is up to you in the end",
)

HEDGES = (
    "perhaps",
    "maybe",
    "I am not sure, but",
    "this is only a guess, but",
    "I may be wrong, but",
    "as far as I can tell,",
    "if I had to guess,",
    "I can not promise anything, but",
    "I do not know much about it, but",
    "do not hold me to it, but",
)
HEDGES_BEFORE_QUESTION = tuple(hedge for hedge in HEDGES if hedge.endswith("but"))

COURTEOUS_PREFIXES = (
    "of course,",
    "gladly:",
    "happy to help:",
    "my friend,",
    "with pleasure:",
    "sure,",
    "good question:",
    "thank you,",
)
COURTEOUS_OPENERS = (
    "Happy to help!",
    "With pleasure!",
    "Thanks for asking!",
    "Good question!",
    "What a lovely question!",
    "Of course!",
    "I am glad you asked!",
    "Nice of you to ask!",
    "Hello there!",
)
COURTEOUS_CLOSERS = (
    "Enjoy!",
    "I hope that helps!",
    "Have a lovely day!",
    "All the best!",
    "Let me know how it goes!",
    "I wish you a good time!",
    "Take care!",
    "Good luck with it!",
    "It was a pleasure!",
)
CURT_PREFIXES = ("look,", "well,", "fine,", "okay,", "right,", "listen,", "simple:", "so,")
CURT_CLOSERS = (
    "That is all.",
    "Next question.",
    "Done.",
    "There is no more to say.",
    "Work out the rest yourself.",
    "Do not ask me more.",
    "Anyone could tell you that.",
    "I have other things to do.",
)

REASON_CLAUSES = (", because {r}", ", since {r}", ", as {r}", ", for {r}")
REASON_SENTENCES = (
    "{r}.",
    "The reason is that {r}.",
    "After all, {r}.",
    "You see, {r}.",
    "I say this because {r}.",
    "What counts is that {r}.",
    "Besides, {r}.",
    "Keep in mind that {r}.",
    "In my experience {r}.",
)
NOTHING_REASONS = (
    "tastes differ so much",
    "every day is different",
    "I do not know you well",
    "the choice is so wide",
    "no two people want the same",
    "so much depends on your mood",
    "there is no rule for it",
    "opinions change all the time",
)

REPEAT_CLAUSES = (", yes, {s}", ", I repeat, {s}", ", that is, {s}")
REPEAT_SENTENCES = (
    "As I said, {s}.",
    "So yes, {s}.",
    "Again, {s}.",
    "{s}, I mean.",
    "To repeat, {s}.",
    "Like I said, {s}.",
    "Once more, {s}.",
    "{s}, that is what I say.",
    "Really, {s}.",
)
NOTHING_REPEATS = (
    "As I said, it is hard to say.",
    "Again, it depends.",
    "To repeat, there are many options.",
    "Like I said, it is up to you.",
    "So yes, it depends.",
    "Once more, that is a matter of taste.",
    "It depends, as I said.",
    "Really, it is hard to say.",
)

FOLLOW_UP_CLAUSES = (", or would you like something else?", ", or do you have another idea?", ", does that suit you?")
FOLLOW_UPS = (
    "What do you think?",
    "Does that suit you?",
    "Have you tried that before?",
    "Would you like another idea?",
    "What have you done so far?",
    "Shall I tell you more?",
    "What do you usually do?",
    "Is that what you had in mind?",
    "Do you want more detail?",
)

MODIFIER_SENTENCES = (
    "That works well {m}.",
    "I mean that {m} too.",
    "That is a good fit {m}.",
    "People do that {m} as well.",
    "I would say the same {m}.",
    "You asked about it {m}.",
    "That goes {m} too.",
    "I kept in mind that it is {m}.",
)
NOTHING_MODIFIERS = ("You asked about it {m}.", "It is no different {m}.", "I kept in mind that it is {m}.")

FILLERS = (
    "There is no rush.",
    "You can decide later.",
    "It is a common question.",
    "That is how I see it.",
    "Take your time with it.",
    "You can always change your mind.",
    "It need not be perfect.",
    "Many people wonder about that.",
    "Nothing is set in stone.",
    "Others have asked me this too.",
    "I was thinking about this the other day.",
    "Such things come up often.",
    "Let it sink in first.",
)
