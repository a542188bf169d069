"""Patterns of facts about the user: health, diet, name, home, work, family, languages, goals."""

from personalagent.policies.lexicon import CONDITIONS, DIETS, LANGUAGES, OCCUPATION, PETS
from personalagent.policies.patterns import AM, HARD, I_DO, Pattern, pattern

ALLERGY_SLOT = "consumption.diet.allergy"
DIET_SLOT = "consumption.diet.restriction"

DEGREE = (
    r"(?:(?:a|an|the|very|strict|strictly|mostly|mainly|lifelong|devout|committed|full-time|fully"
    r"|100%|proud|ethical|dedicated|also|now|still|long-time|passionate) )*"
)
DIET_LIST = rf"{DIETS}(?:(?:, and|,| and| or) {DIETS})*"
NUMBER = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|an?)"

FACTS: tuple[Pattern, ...] = (
    # allergies, intolerances, illnesses
    pattern(
        rf"(?:{AM}|i have been ){HARD}(?:highly |severely |deathly |mildly |badly "
        rf"|terribly )?(?:allergic|intolerant|sensitive) to (?P<v>.+)",
        "avoid",
        slot=ALLERGY_SLOT,
        strength=1.0,
        confidence=0.95,
    ),
    pattern(
        r"(?:i have|i've got|i've had|i suffer from|i live with|as someone with"
        r"|with) (?:an? |quite an? )?(?:\w+ly |severe |serious |bad |mild |strong |food )*"
        r"(?:allergy|allergies|intolerance|sensitivity) to (?P<v>.+)",
        "avoid",
        slot=ALLERGY_SLOT,
        strength=1.0,
        confidence=0.95,
    ),
    pattern(
        r"(?:i have|i've got|i've had|i suffer from|as someone with|i developed) (?:an? |quite an? )?"
        r"(?:\w+ly |severe |serious |bad |mild |strong |terrible |life-threatening )*(?P<v>"
        r"(?!(?:a|an|the|food|skin|seasonal|severe|serious|bad|mild|strong|own|new|terrible|other|known"
        r"|certain|many|various)\b)[\w-]+(?: [\w-]+)?) (?:allergy|allergies|intolerance)\b",
        "avoid",
        slot=ALLERGY_SLOT,
        strength=1.0,
        confidence=0.95,
    ),
    pattern(
        r"(?:.*\b)?(?<!'s )my (?:own )?(?:\w+ly |severe |serious |bad |mild |strong |terrible "
        r"|life-threatening )*(?P<v>(?!(?:a|an|the|food|skin|seasonal|severe|serious|bad|mild|strong|own"
        r"|own|new|terrible|other|known|certain|many|various)\b)[\w-]+(?: [\w-]+)?) (?:allergy|allergies"
        r"|intolerance)\b",
        "avoid",
        slot=ALLERGY_SLOT,
        strength=1.0,
        confidence=0.9,
    ),
    pattern(
        rf"{AM}{HARD}(?P<v>lactose|gluten|fructose|histamine|dairy)[- ](?:intolerant|sensitive)",
        "avoid",
        slot=ALLERGY_SLOT,
        strength=1.0,
        confidence=0.95,
    ),
    pattern(
        rf"(?:i have|i've got|i suffer from|i live with|i was diagnosed with|i've been diagnosed with"
        rf"|as someone with|due to my|because of my|given my)(?: an?)?(?: mild| severe"
        rf"| chronic)? ?(?P<v>{CONDITIONS})\b",
        slot="consumption.health.condition",
        strength=0.9,
        lasting=True,
    ),
    pattern(
        r"(?:(?:i'm|i am|as) (?:a |an )?(?P<v>diabetic|asthmatic|epileptic|coeliac|celiac))\b",
        slot="consumption.health.condition",
        strength=0.9,
    ),
    pattern(
        r"(?:i have|i've got|due to my|because of my|given my|with my) (?:an? |my )?(?P<v>(?:bad|weak"
        r"|injured|sore) (?:\w+ )?(?:knees?|back|shoulders?|hips?|ankles?|wrists?|neck)|lower back pain"
        r"|back pain|knee pain|(?:bad|chronic) back)\b",
        slot="consumption.health.injury",
        strength=0.8,
    ),
    pattern(
        r"i .*?\b(?:avoid|skip|can't eat|don't eat|can't have)\b (?:.*\b(?:with|containing|contain"
        r"|contains|have|serve|serving) )?(?P<v>[\w-]+(?: [\w-]+)?) (?:due to|because of) (?:my"
        r"|an?) (?:\w+ly |severe |serious |bad |mild |strong )*(?:allergy|allergies|intolerance)\b",
        "avoid",
        slot=ALLERGY_SLOT,
        strength=1.0,
        confidence=0.9,
    ),
    # diets
    pattern(
        rf"(?:{AM}){DEGREE}(?P<v>{DIET_LIST})\b(?!-)(?! (?:food|recipes?|restaurants?|chef|options?|dish"
        rf"|dishes|meal))",
        slot=DIET_SLOT,
        strength=0.9,
        confidence=0.95,
    ),
    pattern(
        rf"as {DEGREE}(?P<v>{DIET_LIST})\b(?! (?:food|recipe|restaurant|chef|option|dish))",
        slot=DIET_SLOT,
        strength=0.9,
    ),
    pattern(
        rf"(?:{I_DO}|{AM})(?:follow|follows|eat|eats|keep|keeps|observe|stick to|sticks to|adhere to"
        rf"|maintain|on|following|eating|do|tend to follow|stick with) {DEGREE}(?P<v>{DIET_LIST})\b(?: diet"
        rf"| lifestyle| food)?",
        slot=DIET_SLOT,
        strength=0.9,
        confidence=0.9,
    ),
    pattern(
        rf"(?:i|i've|i have)(?: recently| just| finally)? (?:went|turned|became|become|gone"
        rf"|been) {DEGREE}(?P<v>{DIET_LIST})\b",
        slot=DIET_SLOT,
        strength=0.9,
        lasting=True,
    ),
    pattern(
        rf"(?:.*\b(?:due to|because of|given|with|fits?|suits?|to|for|on|of) )?my (?:strict |new "
        rf"|own )*(?P<v>{DIET_LIST}) (?:diet|lifestyle)\b",
        slot=DIET_SLOT,
        strength=0.9,
    ),
    pattern(
        r"i (?:don't|do not|never) drink(?: any)?(?P<v> alcohol)?\Z",
        "neutral",
        slot="consumption.drinks.alcohol",
        value="doesn't drink alcohol",
        strength=0.8,
    ),
    pattern(
        r"(?:i'm|i am) (?P<v>teetotal|a teetotaler|sober)\b", slot="consumption.drinks.alcohol", strength=0.8
    ),
    pattern(
        r"i (?:don't|do not|never) (?P<v>smoke)\Z", slot="consumption.smoking.status", value="non-smoker"
    ),
    # who the user is
    pattern(
        r"my (?:first |full )?name(?:'s| is) (?P<v>[^\W\d_][\w'-]*(?: [^\W\d_][\w'-]*){0,2})\Z",
        slot="demographics.name.called",
        confidence=0.95,
        lasting=True,
        proper=True,
    ),
    pattern(
        r"(?:you can |just )*call me (?P<v>[^\W\d_][\w'-]*(?: [^\W\d_][\w'-]*)?)\Z",
        slot="demographics.name.called",
        confidence=0.95,
        lasting=True,
        proper=True,
    ),
    pattern(
        r"(?:i'm|i am|i just turned|i turned|i recently turned) (?P<v>[1-9]\d)(?: years old"
        r"| years of age)?\Z",
        slot="demographics.age.years",
        lasting=True,
    ),
    pattern(
        r"(?:i'm|i am|as) an? (?P<v>[1-9]\d)[- ]years?[- ]old\b", slot="demographics.age.years", lasting=True
    ),
    pattern(
        r"(?:i'm|i am) in my (?P<v>(?:early |mid |mid-|late )?(?:twenties|thirties|forties|fifties"
        r"|sixties|seventies|eighties|[2-8]0s))\b",
        slot="demographics.age.years",
    ),
    pattern(
        r"(?:i'm|i am) (?P<v>(?!\w+(?:an|ish|ese|ic|ist|ing|ed)\b)[^\W\d_]{2,15})\Z",
        slot="demographics.name.called",
        lasting=True,
        proper=True,
        greeting=True,
    ),
    pattern(
        rf"(?:always |from now on )?(?:answer|reply|respond|write to me|talk to me"
        rf"|speak to me) (?:me |to me )?(?:only )?"
        rf"in (?P<v>{LANGUAGES})\Z",
        slot="demographics.languages.preferred",
        confidence=0.9,
    ),
    pattern(r"my pronouns are (?P<v>\w+/\w+)", slot="demographics.gender.pronouns", confidence=0.95),
    pattern(
        r"(?:i (?:currently |now |still )?(?:live|reside)|i'm (?:currently |now )?(?:living|based)"
        r"|i am (?:currently |now )?(?:living|based)) (?:here )?in (?:an? (?:[\w-]+ ){1,3}in )?(?P<v>.+)",
        slot="geography.home.city",
        proper=True,
        lasting=True,
        confidence=0.9,
    ),
    pattern(
        r"i(?:'ve| have)? (?:just |recently )*(?:moved|relocated)(?: here)? (?:from (?P<old>[^,]+?)"
        r" )?to (?P<v>.+)",
        slot="geography.home.city",
        proper=True,
        lasting=True,
        confidence=0.9,
    ),
    pattern(
        r"(?:i'm|i am|i come) (?:originally )?from (?P<v>.+)", slot="geography.origin.hometown", proper=True
    ),
    pattern(
        r"i (?:grew up|was raised|was born and raised) in (?P<v>.+)",
        slot="geography.origin.hometown",
        proper=True,
        lasting=True,
    ),
    pattern(
        r"i (?:currently |now )?(?:work|am working|'m working)(?:ed)? (?:full-time "
        r"|part-time )?as (?:an? |the )?(?P<v>.+?)(?: (?:in|at|for|near) .+)?\Z",
        slot="career.job.occupation",
        confidence=0.9,
    ),
    pattern(
        rf"i(?:'ve| have)? (?:been working|worked) as an? (?P<v>{OCCUPATION})\b",
        slot="career.job.occupation",
        lasting=True,
    ),
    pattern(
        rf"(?:{AM}|as )an? (?P<v>(?:former|retired|ex-) ?{OCCUPATION})(?=\Z| (?:in|at(?! heart)|for|with"
        rf"|and|who|from|based|living|so|now)\b)",
        slot="career.history.past",
        lasting=True,
    ),
    pattern(
        rf"{AM}(?:working as )?an? (?P<v>{OCCUPATION})(?=\Z| (?:in|at|for|with|and|who|by|from|based"
        rf"|working|specializ|specialis|living|so|on|here|now|looking|trying|since)\b)",
        slot="career.job.occupation",
        lasting=True,
        confidence=0.9,
    ),
    pattern(
        rf"as an? (?P<v>{OCCUPATION})(?=\Z| (?:in|at|for|with|who|by|from|working|specializ|specialis"
        rf"|on)\b)",
        slot="career.job.occupation",
        confidence=0.85,
    ),
    pattern(
        r"i (?:currently )?(?:work|am working) in (?:the )?(?P<v>(?!a\b|an\b|my\b"
        r"|this\b)[a-z][\w&-]*(?: [\w&-]+){0,2})(?: industry| sector| field)?\Z",
        slot="career.job.industry",
    ),
    pattern(
        r"i (?:currently )?(?:work|am employed) (?:at|for) (?P<v>\S+(?: \S+){0,3})\Z",
        slot="career.job.employer",
        proper=True,
    ),
    pattern(
        r"i (?:mostly |usually |always |currently |mainly )?(?:work|am working) (?P<v>from home"
        r"|remotely|fully remote|on site|night shifts?|shifts)\b",
        slot="career.work.mode",
    ),
    pattern(
        r"(?:i'm|i am) (?:currently |happily |recently |newly )?(?P<v>single|married|engaged|divorced"
        r"|widowed|separated|in a relationship|in a long-distance relationship)\Z",
        slot="family.relationship.status",
        lasting=True,
        confidence=0.9,
    ),
    pattern(
        rf"i have (?P<v>{NUMBER} (?:\w+ )?(?:kids?|child|children|sons?|daughters?|grandchildren|boys"
        rf"|girls|toddlers?))\b",
        slot="family.children.number",
        confidence=0.9,
    ),
    pattern(
        r"(?:i'm|i am|as) (?:an? |the )?(?P<v>(?:single |busy |proud |working |new )*(?:mother|father"
        r"|mom|mum|dad|parent) of (?:\w+)(?: (?:kids|children|boys|girls|toddlers|teenagers))?)\b",
        slot="family.children.number",
    ),
    pattern(
        rf"i (?:have|own|adopted|got|live with|keep)(?: just"
        rf"| recently)? (?P<v>{NUMBER} (?:[\w-]+ ){{0,3}}?{PETS})\b(?! (?:food|toys?|allergy|bed))",
        slot="family.pets.owned",
        lasting=True,
        confidence=0.9,
    ),
    pattern(
        rf"i (?:also )?speak (?P<v>(?:fluent |some |a little |a bit of )?{LANGUAGES}(?:(?:, | and "
        rf"|, and ){LANGUAGES})*)\b",
        slot="demographics.languages.spoken",
        confidence=0.9,
    ),
    pattern(
        rf"{AM}(?:fluent|bilingual) in (?P<v>{LANGUAGES}(?:(?:, | and |, and ){LANGUAGES})*)\b",
        slot="demographics.languages.spoken",
        confidence=0.9,
    ),
    pattern(
        rf"my (?:native|first) (?:language|tongue) is (?P<v>{LANGUAGES})\b"
        rf"|my mother tongue is (?P<w>{LANGUAGES})\b",
        slot="demographics.languages.native",
        confidence=0.95,
    ),
    pattern(
        rf"(?:i'm|i am|i've been|i have been) (?:currently |also |now )?(?:learning|studying"
        rf"|teaching myself)(?: to speak)? (?P<v>{LANGUAGES})\b",
        slot="education.languages.learning",
        lasting=True,
        confidence=0.9,
    ),
    pattern(
        r"(?:i'm|i am|i've been) (?:currently |also )?(?:learning|teaching myself"
        r"|studying)(?: about)? (?P<v>(?!a lot|more|how much|that|from|the ropes)\S.+)",
        slot="education.learning.topic",
        confidence=0.75,
    ),
    pattern(
        r"(?:my (?:main |long-term |biggest )?goal (?:this year |for this year )?is) (?:to )?(?P<v>.+)",
        slot="scenario.goals.current",
        lasting=True,
        strength=0.7,
    ),
    pattern(r"(?:i'm|i am) training for (?P<v>.+)", slot="consumption.fitness.goal", lasting=True),
    pattern(r"(?:i'm|i am) saving (?:up )?for (?P<v>.+)", slot="career.saving.goal", lasting=True),
    pattern(
        r"(?:i'm|i am) trying to (?P<v>(?:lose|gain|eat|cut|quit|stop|save|learn|build|get (?:fit"
        r"|in shape|stronger)|reduce|drink (?:less|more)|sleep)\b.*)",
        needs=6.0,
        lasting=True,
    ),
)
