import pytest

from personalagent.policies.language import is_english


@pytest.mark.parametrize(
    "text",
    [
        "I live in Leeds and I love it",
        "peanuts",
        "ok",
        "🙂",
        "",
        "42",
        "def f(x): return x + 1",
        "i am from México, my mum cooks mole",
        "my favourite film is La vita è bella",
        "je ne sais quoi is what my flat lacks, honestly",
        "Größe 42 please",
    ],
)
def test_english_and_what_is_too_short_to_tell(text: str) -> None:
    assert is_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "Ich bin Vegetarier und wohne mit meiner Frau in Berlin",
        "Je suis végétarien et j'habite dans le sud de la France",
        "Soy vegetariano y no me gusta el picante",
        "Sono vegetariano e non mi piace la carne, ma il pesce sì",
        "Jestem wegetarianką i nie jem mięsa",
        "Я вегетарианец и живу в Москве",
        "我是素食者",
        "أنا نباتي",
        "Eu sou vegetariano e não como carne",
        "Ben vejetaryenim ve çok acı yemem",
    ],
)
def test_other_languages(text: str) -> None:
    assert not is_english(text)
