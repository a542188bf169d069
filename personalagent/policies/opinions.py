"""Patterns of likes, dislikes and things avoided; and what is a reaction to the assistant, no taste."""

import re

from personalagent.policies.patterns import ADV, AM, HARD, I_DO, VALUE, WHO, Pattern, pattern

_HATE = (
    r"(?:hates?|despises?|detests?|loathes?|can't stand|cannot stand|can't bear|can't tolerate"
    r"|strongly dislikes?|have an? (?:strong |deep |real |firm |general )?(?:aversion to|dislike (?:of"
    r"|for|towards?)|hatred of))"
)
_DONT = r"(?:don't|do not|doesn't|dont|never)"
_EAT = (
    r"(?:eat|drink|consume|use|watch|play|wear|buy|read|smoke|do|own|listen to|cook with|cook|order"
    r"|touch|shop at|go to)"
)

OPINIONS: tuple[Pattern, ...] = (
    # likes
    pattern(
        r"(?P<w>my (?:all-time |absolute |personal )?(?:favou?rite|go-to|preferred) (?:(?!thing|part"
        r"|one|of)[\w'-]+ ){1,4}?)(?:is|are|has always been|have always been|would be) (?P<v>.+)",
        "like",
        strength=0.9,
        confidence=0.9,
    ),
    pattern(
        r"(?P<v>(?!this|that|it|these|those|he|she|they|which|here|there|what"
        r"|my)[\w'-]+(?: [\w'-]+){0,4}) (?:is|are) (?:one of )?my (?:all-time |absolute )?(?:favou?rites?"
        r"|go-to|passion)(?: [\w'-]+){0,2}\Z",
        "like",
        strength=0.9,
        confidence=0.85,
    ),
    pattern(
        rf"{AM}(?:an? |such an? )?(?:{ADV} )?(?:huge|big|massive|avid|lifelong|keen|great|real|total"
        rf"|long-time|die-hard|serious)? ?(?P<v>[\w-]+(?: [\w-]+){{0,2}}) (?:fan|lover|buff|enthusiast"
        rf"|addict|aficionado|fanatic|geek|nut)\Z",
        "like",
        strength=0.8,
    ),
    pattern(
        rf"{AM}(?:more of )?an? (?P<v>(?:cat|dog|morning|night|coffee|tea|beach|mountain|city|people"
        rf"|visual|outdoors?) (?:person|learner)|night owl|early bird|early riser|introvert|extrovert"
        rf"|homebody|perfectionist)\b",
        needs=2.0,
        strength=0.7,
    ),
    pattern(
        rf"{AM}(?:a |an )?(?:huge |big |massive |real |great )?(?:fan of|fond of|passionate about"
        rf"|obsessed with|crazy about|mad about|keen on|partial to|into|a sucker for|addicted to"
        rf"|enthusiastic about) {VALUE}",
        "like",
        strength=0.8,
    ),
    pattern(
        rf"i have (?:an? )?(?:soft spot|weakness|passion|preference|strong preference|love|fondness"
        rf"|thing) for {VALUE}",
        "like",
        strength=0.8,
    ),
    pattern(
        r"i (?:can't|cannot|couldn't) (?:live|function|do|start (?:my|the) day) without (?:my "
        r"|a )?(?P<v>.+)",
        "like",
        strength=0.9,
    ),
    pattern(r"i (?:swear by|can't get enough of|live for) (?P<v>.+)", "like", strength=0.8),
    pattern(
        rf"{I_DO}(?:prefers?|likes?) (?:not to|to (?:avoid|skip|limit|stay away from|keep away from"
        rf"|steer clear of)) {VALUE}",
        "avoid",
        strength=0.7,
    ),
    pattern(
        rf"{I_DO}prefers? (?!not|to not|to (?:avoid|skip|limit|stay away|keep away"
        rf"|steer))(?:to )?{VALUE}",
        "like",
        strength=0.7,
    ),
    pattern(
        rf"{I_DO}(?:favou?rs?|gravitates? towards?|opts? for|sticks? to|sticks? with"
        rf"|lean towards?) {VALUE}",
        "like",
        strength=0.6,
        confidence=0.75,
    ),
    pattern(rf"{I_DO}(?:loves?|adores?) {VALUE}", "like", strength=0.9),
    pattern(
        rf"{I_DO}(?:likes?|enjoys?) (?!not|to (?:avoid|skip|limit|stay|steer|know|see|hear|get|have"
        rf"|ask|find|try|think|show|start"
        rf"|bring|keep|use|use|give|let|make sure))(?:to (?=\S+(?: \S+){{0,4}}\Z))?{VALUE}",
        "like",
        strength=0.7,
        confidence=0.8,
    ),
    # dislikes
    pattern(rf"{I_DO}{_HATE} {VALUE}", "dislike", strength=0.9),
    pattern(
        rf"{I_DO}(?:dislikes?|(?:don't|do not|doesn't|dont|never) (?:{ADV} )*(?:like|enjoy|love"
        rf"|care for|care much for|appreciate|fancy)) (?:to )?{VALUE}",
        "dislike",
        strength=0.7,
    ),
    pattern(
        rf"(?:{AM}|as someone who(?:'s| is) )not (?:{ADV} |a |an |at all |too |that |very |big |huge "
        rf"|the biggest |much of a )*(?:fan of|into|fond of|interested in|keen on|big on|crazy about"
        rf"|comfortable with) {VALUE}",
        "dislike",
        strength=0.7,
    ),
    pattern(
        r"(?P<v>(?!this|that|it|these|those|he|she|they|which|here|there|what"
        r"|you)[\w'-]+(?: [\w'-]+){0,4}) (?:is|are)(?:n't| not) (?:really |exactly )?(?:my thing"
        r"|my cup of tea|for me|my style|my jam)\Z",
        "dislike",
        strength=0.6,
    ),
    pattern(
        r"(?P<v>(?!this|that|it|these|those|he|she|they|which|here|there|what"
        r"|you)[\w'-]+(?: [\w'-]+){0,4}) (?:always |often |really |just )?(?:makes? me (?:feel )?(?:sick"
        r"|nauseous|anxious|uncomfortable|jittery|dizzy|sleepy|uneasy)|gives? me (?:headaches|a headache"
        r"|anxiety|nightmares|migraines))\b",
        "dislike",
        strength=0.7,
        confidence=0.8,
    ),
    pattern(
        r"i find (?P<v>(?!it|that|this|them|my|less|more|new"
        r"|the best)[\w'-]+(?: [\w'-]+){0,5}?) (?:to be )?(?:too |very "
        r"|really |so |quite |a bit )?(?:boring|tedious|overwhelming|annoying|distracting|stressful"
        r"|off-putting|dull|uncomfortable|overrated|unpleasant|disgusting|exhausting|monotonous)\b",
        "dislike",
        strength=0.6,
        confidence=0.75,
    ),
    pattern(
        rf"(?:i have|i've got) an? (?:\w+ )?(?:phobia|fear) of {VALUE}",
        "dislike",
        slot="personality.emotion.fear",
        strength=0.8,
        confidence=0.9,
    ),
    pattern(
        rf"{AM}{HARD}(?:afraid|scared|terrified) of {VALUE}",
        "dislike",
        slot="personality.emotion.fear",
        strength=0.8,
        confidence=0.9,
    ),
    # avoided things
    pattern(
        rf"{I_DO}(?:tends? to |tries to |try to |have to |has to |need to |needs to |must |like to "
        rf"|likes to |prefer to )?(?:{ADV} )*(?:avoids?|(?:stays?|keeps?) (?:well |far )?away from"
        rf"|steers? (?:well )?clear of|refrains? from|shy away from|shies away from|abstains? from|boycotts?"
        rf"|limit) {VALUE}",
        "avoid",
        strength=0.8,
    ),
    pattern(
        rf"{AM}(?:trying to |careful to )?(?:avoid|avoiding|staying away from|abstaining from"
        rf"|cutting out) {VALUE}",
        "avoid",
        strength=0.8,
    ),
    pattern(
        rf"i(?:'ve| have)? (?:cut out|sworn off|given up on) {VALUE}", "avoid", strength=0.8, lasting=True
    ),
    pattern(
        rf"{WHO} (?:{ADV} )*(?:can't|cannot|can not|{_DONT}) (?:ever |really )?(?:eat|eats"
        rf"|digest) (?:any )?"
        r"(?P<v>(?!much|many|enough|well|out|late|early|after|before|at|in|alone|healthy|breakfast"
        r"|lunch|dinner"
        r"|meals|there|here|like|.*spicy)\S.*)",
        "avoid",
        slot="consumption.diet.restriction",
        strength=0.9,
    ),
    pattern(
        r"(?:i|as someone who) (?:can't|cannot|can not) (?:eat|drink|have|tolerate|digest|handle"
        r"|stomach|consume) (?P<v>.+)",
        "avoid",
        strength=0.9,
    ),
    pattern(
        rf"(?:{WHO}) (?:{ADV} )*{_DONT} (?:ever |really )?{_EAT} (?:any )?(?P<v>(?!much|many|time"
        rf"|enough|to|it|access|a lot|a clue|idea|experience|know)\S.*)",
        "avoid",
        strength=0.8,
        needs=3.5,
    ),
    pattern(
        r"i refuse to (?:eat|buy|use|wear|watch|own|support|drink|play|pay for) (?P<v>.+)",
        "avoid",
        strength=0.9,
    ),
    # belongings, ways, habits: only where a slot clearly fits
    pattern(
        r"i (?:use|own|drive|ride|play|collect) (?:an? |my |the )?(?P<v>(?!to|no|been|it|this|that"
        r"|some|any|more|trouble|problem)\S.*)",
        needs=4.5,
        confidence=0.75,
        strength=0.5,
    ),
    pattern(
        r"(?:i|as someone who) (?:usually|always|typically|generally|normally|tends? to|mostly"
        r"|regularly|rarely|never) (?P<v>(?:eat|drink|cook|work|wake up|get up|go to (?:bed|sleep)|sleep"
        r"|run|walk|cycle|bike|drive|fly|travel|shop|skip|take the|wear|study|exercise|train|meditate"
        r"|listen to|read|watch|pay|take)s?\b.*)",
        needs=4.0,
        confidence=0.7,
        strength=0.5,
    ),
)
"""Likes, dislikes, what is avoided; belongings and habits where a slot clearly fits."""

REACTION = re.compile(
    r"(?:(?:the|this|that|these|those)\b(?! (?:outdoors|outside|sea|ocean|beach|mountains|countryside"
    r"|theat|cinema|gym|taste|texture|smell|look of|feel|cold|heat|sun"
    r"|snow|rain|city|forest|beatles|opera|ballet|colou?r|peace|quiet|sound of|night|summer|winter|arts"
    r"|nature))|you|your|it|its|how|what|when|where|who|why|which|all\b|both|everything|anything$"
    r"|something\b"
    r"|someone|them|him|her|hearing|seeing|to hear|being able|having|one\b|ones\b|doing (?:it|this|that"
    r"|so)|me\b|us\b|nothing|more\b|having|"
    r"there|here|their\b|our\b|his\b|so\b|such\b|being\b|knowing|another|other|any\b|each|every\b|if\b"
    r"|not\b|my\b|have\b|get\b|recommending\b|suggesting\b|bringing\b|(?:simple|sturdy|clean|quiet"
    r"|casual|modern|natural|small|free|taste|cheap|better|easy)\Z|(?:working|studying|doing|going"
    r"|things|stuff|foods?|places|activities|people|work|life)\Z)"
)
REACTION_NOUN = re.compile(
    r"\b(?:ideas?|suggestions?|concepts?|options? you|approach|advice|recommendations?|tips?|point"
    r"|thoughts|insights?|first one|second one|last one|answers?|responses?|question|you|your|this"
    r"|that one|those|these|them|our|students?|patients?|clients?|customers?|passengers?|them all)\b"
)
"""What is liked with these words is the assistant's last reply, or nothing that outlasts the talk."""
