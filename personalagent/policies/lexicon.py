"""Word lists: what diets, occupations, pets and so on are called, and where opinions on things belong."""

import re

DIETS = (
    r"(?:raw vegan|lacto[- ]vegetarian|ovo[- ]vegetarian|vegan|vegetarian|pesc[ae]tarian|flexitarian"
    r"|fruitarian|carnivore|keto|ketogenic|paleo"
    r"|halal|kosher|gluten[- ]free|dairy[- ]free|lactose[- ]free|sugar[- ]free|nut[- ]free|grain[- ]free"
    r"|low[- ]carb|low[- ]fat|low[- ]sodium|low[- ]fodmap"
    r"|low[- ]sugar|high[- ]protein|plant[- ]based|whole30|whole[- ]food plant[- ]based|mediterranean"
    r"|macrobiotic|raw food|dash|anti-inflammatory)"
)
OCCUPATION = (
    r"(?:(?:[\w/&'-]+ ){0,3}?(?:nurse|doctor|physician|surgeon|dentist|pharmacist|therapist|psychologist"
    r"|psychiatrist|paramedic|vet|veterinarian"
    r"|midwife|optician|carer|teacher|professor|lecturer|tutor|librarian|principal|coach|trainer"
    r"|instructor|researcher|scientist|chemist|biologist"
    r"|physicist|mathematician|statistician|historian|economist|engineer|developer|programmer|architect"
    r"|designer|analyst|administrator|technician"
    r"|mechanic|electrician|plumber|carpenter|welder|builder|contractor|roofer|painter|farmer|gardener"
    r"|landscaper|fisherman|forester|chef|cook|baker"
    r"|barista|bartender|waiter|waitress|butcher|sommelier|manager|director|consultant|accountant|auditor"
    r"|banker|broker|trader|lawyer|attorney"
    r"|paralegal|judge|notary|solicitor|secretary|assistant|receptionist|clerk|cashier|salesperson"
    r"|realtor|estate agent|sales rep|representative"
    r"|marketer|copywriter|writer|author|journalist|editor|translator|interpreter|photographer|filmmaker"
    r"|videographer|animator|illustrator|artist"
    r"|musician|singer|dancer|actor|actress|producer|pilot|flight attendant|driver|trucker|courier|sailor"
    r"|captain|officer|policeman|policewoman"
    r"|firefighter|soldier|guard|detective|social worker|caseworker|counsellor|counselor|nanny|cleaner"
    r"|janitor|housekeeper|hairdresser|barber"
    r"|beautician|tailor|florist|entrepreneur|business owner|shop owner|truck owner|restaurant owner"
    r"|founder|ceo|cto|cfo|freelancer|politician"
    r"|council member|priest|pastor|imam|rabbi|data scientist|student|intern|apprentice|postdoc|retiree"
    r"|homemaker|stay-at-home (?:mom|mum|dad|parent)))"
)
LANGUAGES = (
    r"(?:english|spanish|french|german|italian|portuguese|dutch|swedish|norwegian|danish|finnish"
    r"|icelandic|polish|czech|slovak|hungarian|romanian"
    r"|bulgarian|greek|turkish|russian|ukrainian|serbian|croatian|arabic|hebrew|persian|farsi|hindi|urdu"
    r"|bengali|punjabi|tamil|telugu|gujarati|marathi"
    r"|chinese|mandarin|cantonese|japanese|korean|vietnamese|thai|indonesian|malay|tagalog|swahili|welsh"
    r"|irish|catalan|basque|latin|esperanto"
    r"|(?:american |british )?sign language)"
)
PETS = (
    r"(?:dogs?|cats?|puppy|puppies|kittens?|rabbits?|hamsters?|guinea pigs?|parrots?|budgies?|canary"
    r"|canaries|goldfish|fish|tortoises?|turtles?|lizards?"
    r"|geckos?|snakes?|horses?|pony|ponies|ferrets?|chickens?|goats?|rats?|mice|labradors?|retrievers?"
    r"|poodles?|beagles?|bulldogs?|terriers?|dachshunds?|corgis?)"
)
CONDITIONS = (
    r"(?:type [12] diabetes|diabetes|asthma|arthritis|migraines?|high blood pressure|hypertension|ibs"
    r"|irritable bowel syndrome|crohn's(?: disease)?|celiac disease"
    r"|coeliac disease|epilepsy|fibromyalgia|psoriasis|eczema|endometriosis|pcos|hypothyroidism|lupus"
    r"|gout|acid reflux|gerd|tinnitus|sciatica|osteoporosis"
    r"|chronic (?:\w+ )?pain|chronic fatigue|high cholesterol|anemia|anaemia|heart disease|kidney disease)"
)


def _d(regex: str, like: str, dislike: str = "", avoid: str = "") -> tuple[re.Pattern[str], dict[str, str]]:
    dislike = dislike or like
    return re.compile(rf"\b(?:{regex})\b"), {"like": like, "dislike": dislike, "avoid": avoid or dislike}


DOMAINS = (
    _d(
        r"dogs?|cats?|pets?|reptiles?|birds|rodents?|snakes|lizards|puppies|kittens",
        "family.pets.liking",
        "family.pets.avoid",
    ),
    _d(r"restaurants?|diners?|eater(?:y|ies)|buffets?|caf[eé]s?|dining", "consumption.dining.venue"),
    _d(r"spicy|mild (?:food|flavou?rs)|chil(?:l)?i", "consumption.diet.spice"),
    _d(r"energy drinks?|soda|cola", "consumption.drinks.soft"),
    _d(r"caffeine|coffee", "consumption.drinks.hot", "consumption.drinks.caffeine"),
    _d(r"alcohol", "consumption.drinks.alcohol"),
    _d(
        r"foods?|meals?|dish(?:es)?|flavou?rs?|dairy|milk|cheese|meat|pork|beef|chicken|lamb|fish|seafood"
        r"|shellfish|shrimp|eggs?|gluten|wheat|bread|pasta|sugar"
        r"|carbs?|carbohydrates|nuts?|peanuts?|soy|tofu|mushrooms?|onions?|garlic|tomatoes|olives|cilantro"
        r"|coriander|vegetables?|veggies|fruits?|salads?|soups?"
        r"|sandwich(?:es)?|desserts?|sweets|processed stuff|additives|preservatives|animal products"
        r"|ingredients|diets?",
        "consumption.diet.dish",
        "consumption.diet.dislike",
        "consumption.diet.restriction",
    ),
    _d(
        r"clothes|clothing|outfits?|dress(?:es)?|skirts?|jeans|denim|shirts?|fabrics?|garments?"
        r"|floral prints?|prints|leather|heels|attire|fashion|jewel(?:le)?ry",
        "consumption.fashion.style",
        "consumption.fashion.avoided",
    ),
    _d(
        r"movies?|films?|documentar(?:y|ies)|thrillers?|rom-?coms?|romantic comedies|horror|gore"
        r"|graphic violence|excessive violence",
        "interests.film.genre",
        "interests.film.genre",
        "interests.film.avoid",
    ),
    _d(
        r"(?:tv|comedy|crime|reality|detective|animated|fantasy|game) shows?|tv|series|sitcoms?|dramas?"
        r"|shows",
        "interests.series.genre",
        "interests.series.genre",
        "interests.film.avoid",
    ),
    _d(r"audiobooks?|podcasts?", "interests.podcasts.topic"),
    _d(r"books?|novels?|fiction|non-?fiction|poetry|memoirs?", "interests.books.genre"),
    _d(r"board games?|card games?", "interests.board_games.favourite"),
    _d(r"games?|gaming|rpgs?|shooters?", "interests.games.genre"),
    _d(r"music|songs?|bands?", "interests.music.genre", "interests.music.dislike"),
    _d(r"apps?|software|subscriptions?", "digital.apps.favourite", "digital.apps.disliked"),
    _d(
        r"devices?|gadgets?|smartphones?|laptops?|tech|technology|touchscreens?|screens",
        "digital.devices.brand",
        "digital.devices.avoid",
    ),
    _d(
        r"courses?|class(?:es)?|tutorials?|lectures?|textbooks?|resources|learning|instructions|lessons"
        r"|videos?|e-?books?",
        "education.resources.format",
        "education.resources.disliked",
    ),
    _d(r"weather|climates?|humidity|heat|winters?|summers?", "geography.climate.comfort"),
    _d(r"cit(?:y|ies)|suburbs?|towns?|neighbou?rhoods?|areas?|regions?", "geography.relocation.criterion"),
    _d(r"exercises?|workouts?|gyms?|yoga|running|pilates|weight training", "consumption.fitness.activity"),
    _d(r"hotels?|hostels?|resorts?|airbnbs?", "scenario.travel.lodging"),
    _d(r"tours?|cruises?|tourist traps|attractions", "scenario.travel.interest", "scenario.travel.dislike"),
    _d(r"brands?", "consumption.brands.favourite", "consumption.brands.avoided"),
)
"""Where an opinion on a thing belongs, by the noun that heads it; the first line that fits decides."""
