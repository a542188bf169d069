"""Is this English? The embedded policies read nothing else, and say so instead of guessing."""

import re

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def _words(text: str) -> list[str]:
    return text.split()


_ENGLISH = frozenset(
    _words(
        """
        the a an is are was were am be been i i'm i've i'd i'll you you're we they he she it it's this that
        these those my your our their his her and or but so because if then of in on at to for from with
        about as by not don't do does did can can't could would should will won't have has had what which
        who how when where why there here just really very more some any no yes please thanks me him them us
        up out get go like
        """
    )
)
_FOREIGN = frozenset(
    _words(
        """
        ich bin nicht und der das ist ein eine mein meine habe wir auch für mit auf aber sehr kein keine
        dass weil ik niet het een mijn heb zijn voor maar geen ook jag är inte och att det som på för har
        jeg ikke af til je suis ne pas et les un une des mon mes j'ai c'est dans pour avec mais très que qui
        nous vous yo soy el los las una del mis tengo muy pero para con por como está estoy gusta también eu
        sou não o os uma da meu minha tenho muito com io sono il lo gli che ho mio mia molto sei este și
        sunt din care jestem nie się jest mam moje ale bardzo dla jsem není mám ben bir ve çok için değil
        saya tidak yang aku suka vagyok nem egy és hogy olen ole ja minä mutta
        """
    )
)
"""Of fifteen European languages, Turkish and Indonesian; none that is an English word too."""
_FEW = 2
"""Words of another language from which a text is taken to be in it."""


def is_english(text: str) -> bool:
    """Whether the text can be read as English; what is too short to tell counts as English."""
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return True
    if sum(c > "ɏ" for c in letters) * 3 > len(letters):  # beyond the Latin alphabets
        return False
    words = [word.casefold().replace("’", "'") for word in _WORD.findall(text)]
    foreign = sum(word in _FOREIGN for word in words)
    return foreign < _FEW or foreign <= sum(word in _ENGLISH for word in words)
