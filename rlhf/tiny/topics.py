"""What the tiny world talks about: everyday topics, ways to ask for a suggestion, and modifiers. A data file.

Every suggestion is a singular noun phrase that belongs to exactly one topic, so that a reader can tell from the text
alone which topic a reply is about. Every reason holds for each suggestion of its topic and starts with its subject.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One everyday topic."""

    name: str
    need: str
    """A noun phrase for what is wanted, as in 'Can you suggest an easy dinner?'"""
    do: str
    """A verb phrase, as in 'What should I cook for dinner?'"""
    suggestions: tuple[str, ...]
    reasons: tuple[str, ...]
    questions: tuple[str, ...]
    """Follow-up questions that fit this topic."""


def _topic(name: str, need: str, do: str, suggestions: str, reasons: str, questions: str) -> Topic:
    lists = [tuple(part.strip() for part in text.split("|")) for text in (suggestions, reasons, questions)]
    return Topic(name, need, do, *lists)


TOPICS: tuple[Topic, ...] = (
    _topic(
        "dinner",
        "an easy dinner",
        "cook for dinner",
        "lentil soup|mushroom risotto|a vegetable curry|baked salmon|tomato pasta|a chicken stew|fried rice",
        "it is ready in half an hour|it keeps everyone full|it needs very little shopping|one pan is enough for it",
        "How many people will eat?|Is there anything you do not eat?",
    ),
    _topic(
        "breakfast",
        "a good breakfast",
        "have for breakfast",
        "oat porridge|yoghurt with berries|a cheese omelette|toast with honey|a banana smoothie|rye bread with jam"
        "|a bowl of muesli",
        "it keeps you going until noon|it takes five minutes|it wakes you up gently|it is light on the stomach",
        "Do you like it sweet?|When do you get up?",
    ),
    _topic(
        "dessert",
        "a simple dessert",
        "serve for dessert",
        "apple crumble|chocolate mousse|lemon sorbet|rice pudding|a plum cake|vanilla custard|a baked pear",
        "you can make it the day before|it is sweet but not heavy|guests always want a second helping"
        "|it needs no special tools",
        "Do your guests like fruit?|Is there room in the fridge?",
    ),
    _topic(
        "drink",
        "a drink for guests",
        "offer as a drink",
        "ginger lemonade|mint tea|hot chocolate|iced coffee|spiced cider|a mango lassi|lime water",
        "it has no alcohol in it|it is quick to pour|it tastes fresh|you can make a whole jug of it",
        "Do you have ice?|Should it be warm or cold?",
    ),
    _topic(
        "game",
        "a game for tonight",
        "play at home",
        "chess|backgammon|a round of charades|a card game|a word game|checkers|a music quiz",
        "it makes everyone laugh|the rules are short|it is over within an hour|it costs nothing to play",
        "How many players are there?|Do you like to compete?",
    ),
    _topic(
        "film",
        "a film to watch",
        "watch on the sofa",
        "an old western|a spy thriller|a silent comedy|a space adventure|a courtroom drama|a nature documentary"
        "|a dance musical",
        "the pictures are beautiful|the story grips you at once|it is not too long|the ending is a surprise",
        "Which film did you like last?|Do you mind subtitles?",
    ),
    _topic(
        "book",
        "a book to read",
        "read next",
        "a detective novel|a book of poems|a family saga|a travel memoir|a science fiction classic|a biography"
        "|a ghost story",
        "it is hard to put down|the chapters are short|you learn something on every page|it is sold everywhere",
        "Do you read at night?|Who is your favourite author?",
    ),
    _topic(
        "music",
        "some music to play",
        "listen to",
        "a piano sonata|cool jazz|a folk album|bossa nova|a string quartet|soul music|old blues",
        "it fills the room softly|it lifts the mood|you can talk over it|it sounds good on any speaker",
        "Do you like singing in it?|Will people dance?",
    ),
    _topic(
        "exercise",
        "some exercise to do",
        "do to keep fit",
        "morning yoga|a slow jog|rope skipping|a swim at the pool|weight training|pilates|a bike ride",
        "it strengthens your back|it gets the heart going|you feel awake afterwards|it is gentle on the knees",
        "How fit are you now?|Do you have a bad knee?",
    ),
    _topic(
        "walk",
        "a place for a walk",
        "visit on a walk",
        "the river path|the old harbour|the pine forest|the botanical garden|the castle hill|the lake shore"
        "|the city wall",
        "the view is wide|there are benches everywhere|the air is good there|it is quiet in the morning",
        "How far do you like to walk?|Will you bring a dog along?",
    ),
    _topic(
        "outing",
        "a cultural outing",
        "see in town",
        "the art gallery|the science museum|the old theatre|the planetarium|an open air concert|the toy museum"
        "|the history exhibition",
        "the guides are excellent|the tickets are easy to get|there is a lot to look at|it is open until late",
        "Have you been there before?|Do you like guided tours?",
    ),
    _topic(
        "trip",
        "a short trip",
        "do on a short holiday",
        "a hut in the mountains|a week by the sea|a night train to Vienna|an island ferry|a canal boat"
        "|a stay on a farm|a cabin in the woods",
        "you get away from it all|it feels far from home|you need little luggage|the season is just right",
        "How many days do you have?|Do you want to drive?",
    ),
    _topic(
        "present",
        "a birthday present",
        "give as a present",
        "a scented candle|a silk scarf|a photo album|a leather wallet|a pocket knife|a box of pralines"
        "|a wool blanket",
        "it is easy to wrap|it shows that you care|it gets used every day|it lasts for years",
        "How old is the person?|How much do you want to spend?",
    ),
    _topic(
        "garden",
        "a plant for the garden",
        "plant in the garden",
        "a rose bush|lavender|a cherry tree|rhubarb|climbing ivy|a tall sunflower|garden sage",
        "the bees love it|it grows in any soil|it comes back every spring|it hardly needs water",
        "Is the garden sunny?|How big is the bed?",
    ),
    _topic(
        "pet",
        "a pet for the family",
        "keep as a pet",
        "a rabbit|a goldfish|a hamster|a canary|a tortoise|a guinea pig|an old cat",
        "it is calm and friendly|it needs only a little space|it is easy to feed|it gets used to people quickly",
        "Is anyone allergic?|Who will feed it?",
    ),
    _topic(
        "craft",
        "a craft project",
        "make by hand",
        "a knitted hat|a clay bowl|a paper lantern|a wooden spoon|a patchwork quilt|a macrame hanger"
        "|a beaded bracelet",
        "you see progress quickly|the material is cheap|it keeps your hands busy|small mistakes look charming",
        "Do you have a workbench?|Have you made things before?",
    ),
    _topic(
        "instrument",
        "an instrument to learn",
        "learn to play",
        "the ukulele|the recorder|the violin|the harmonica|the cello|the accordion|the trumpet",
        "the first songs come soon|teachers are easy to find|you can play it with others|used ones are good",
        "Do you read music?|Are your neighbours patient?",
    ),
    _topic(
        "language",
        "a language to learn",
        "study as a language",
        "Spanish|Italian|Japanese|Swedish|Portuguese|Greek|Polish",
        "the sounds are a pleasure|there are good courses for it|you can use it on holiday"
        "|the songs help you remember",
        "Do you speak another language?|Do you know a native speaker?",
    ),
    _topic(
        "sleep",
        "a way to sleep better",
        "do to sleep better",
        "a dark bedroom|a fixed bedtime|a warm bath|a cup of camomile|an hour without screens|a cooler room"
        "|a heavier duvet",
        "your body slows down|it works within a few nights|the mind gets a rest|doctors often advise it",
        "When do you go to bed?|Do you wake up at night?",
    ),
    _topic(
        "calm",
        "a way to calm down",
        "do to calm down",
        "slow breathing|a short meditation|a hand massage|a nap in a hammock|a page in a diary|a long stretch"
        "|a break in the sun",
        "your pulse goes down|it stops the worrying|nobody needs to notice it|it clears the head",
        "What is on your mind?|Are you at work now?",
    ),
    _topic(
        "study",
        "a way to study",
        "do to remember more",
        "a stack of flash cards|a mind map|a weekly plan|a practice test|a quiet library|a study group"
        "|a summary of each page",
        "you find the gaps early|facts stay longer that way|it keeps you honest|you stop rereading things",
        "When is the exam?|Which subject is it?",
    ),
    _topic(
        "tidying",
        "a way to tidy up",
        "do about the mess",
        "a donation box|a label on every drawer|a ten minute timer|a hook behind the door|a shoe rack"
        "|a basket for toys|a cleaning rota",
        "things find their place again|the floor stays free|the whole family can join in|you see the result at once",
        "Which room is the worst?|Do you have shelves?",
    ),
    _topic(
        "saving",
        "a way to save money",
        "do to save money",
        "a spending diary|a savings jar|a shopping list|a cheaper phone plan|a second hand shop"
        "|a monthly transfer|a packed lunch",
        "small sums add up|you notice where it all goes|it needs no willpower|the bank balance soon shows it",
        "What do you spend most on?|Are you saving for something?",
    ),
    _topic(
        "party",
        "a theme for a party",
        "choose as a party theme",
        "a masked ball|a pirate night|a garden picnic|a disco evening|a murder mystery|a beach party"
        "|a costume contest",
        "guests start talking at once|the decoration is simple|everyone can dress up for it"
        "|it makes for great photos",
        "How many guests are coming?|Is it indoors?",
    ),
    _topic(
        "play",
        "an activity for children",
        "do with the kids",
        "a treasure hunt|a puppet show|a blanket fort|finger painting|a paper plane race|a sack race|a balloon dance",
        "it keeps them busy for hours|all ages can take part|they can help to prepare it|it tires them out nicely",
        "How old are the children?|Do you have a yard?",
    ),
    _topic(
        "commute",
        "a way to get to work",
        "take to work",
        "the tram|a folding bike|the early bus|a car share|an electric scooter|the harbour ferry|the underground",
        "you avoid the traffic|you need no parking space|it is on time most days|it saves petrol",
        "How far is the office?|When do you start?",
    ),
    _topic(
        "wall",
        "something for the wall",
        "hang on the wall",
        "an old map|a round mirror|a woven rug|a string of lights|a framed poster|a shelf of ferns|a station clock",
        "it makes the room look bigger|it hides the cracks|visitors always look at it|two nails will hold it",
        "How wide is the wall?|May you drill there?",
    ),
    _topic(
        "colour",
        "a colour for the bedroom",
        "use as a bedroom colour",
        "pale green|warm grey|deep blue|soft yellow|dusty pink|cream white|light terracotta",
        "it goes with any furniture|the light stays friendly|it covers in one coat|you will not tire of it",
        "Which way does the window face?|What colour is the floor?",
    ),
    _topic(
        "sport",
        "a sport to try",
        "try as a sport",
        "table tennis|fencing|indoor climbing|rowing|judo|badminton|archery",
        "clubs welcome new people|you can borrow the gear|it trains your balance|you make friends there",
        "Is there a club near you?|Do you prefer teams?",
    ),
    _topic(
        "snack",
        "a snack for the road",
        "pack as a snack",
        "trail mix|a crisp apple|a granola bar|a rice cake|a boiled egg|dried mango|a cheese cracker",
        "it fits in any pocket|it does not melt|it gives you energy|it leaves no crumbs",
        "How long is the journey?|Do you have a lunch box?",
    ),
    _topic(
        "wedding",
        "an outfit for a wedding",
        "wear to a wedding",
        "a linen suit|a floral dress|a velvet jacket|a pleated skirt|a bow tie|a navy blazer|a lace shawl",
        "it looks festive|it will do for other feasts|it is comfortable all day|it suits most people",
        "Is there a dress code?|Will it be outside?",
    ),
    _topic(
        "dog",
        "a name for a dog",
        "call the dog",
        "Biscuit|Bruno|Luna|Pepper|Nelson|Rosie|Otto",
        "it is easy to shout|a dog learns it fast|few dogs are called that|it sounds cheerful",
        "Is it a big dog?|Is it male or female?",
    ),
    _topic(
        "photo",
        "a subject for a photo",
        "take a photo of",
        "an old doorway|a foggy street|a drop of dew|a busy crossing|a bird on a wire|a sunset over roofs"
        "|a market stall",
        "the shadows do the work|it changes every minute|no model has to pose|it tells a story",
        "Which camera do you use?|Do you like black and white?",
    ),
)

NEW_TOPICS: tuple[str, ...] = ("instrument", "party", "snack")
"""Topics the base knows and no ranking prompt asks about: they show what a policy learned beyond its prompts."""

TOPIC_BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}

ASKS: tuple[str, ...] = (
    "What should I {do}{mod}?",
    "Can you suggest {need}{mod}?",
    "I am looking for {need}{mod}. Any ideas?",
    "I need {need}{mod}.",
    "Could you help me find {need}{mod}?",
    "Any tips for {need}{mod}?",
    "What would you {do}{mod}?",
    "Please recommend {need}{mod}.",
    "I have no idea what to {do}{mod}.",
    "Help me choose {need}{mod}, please.",
    "We are thinking about {need}{mod}. What do you say?",
    "What could we {do}{mod}?",
    "A friend of mine wants {need}{mod}. What would be good?",
    "Tell me what to {do}{mod}.",
    "I would like {need}{mod}. Do you have a tip?",
)

MODIFIERS: tuple[str, ...] = (
    "",
    "for two",
    "on a budget",
    "in the evening",
    "with children",
    "this weekend",
    "without much time",
    "for beginners",
    "on a rainy day",
    "after a long week",
)
"""Phrases that can end a question and be taken up by a reply; the empty one is no modifier."""
