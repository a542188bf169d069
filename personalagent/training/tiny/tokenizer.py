"""The tiny model's tokenizer: byte-level BPE, with what every prompt and reply repeats as single tokens.

The instructions, the marks and the template's slots are one token each. So a prompt has some 95 tokens in
place of 500, and a reply that says nothing has five; the text is the same as for any other model.
"""

from collections.abc import Iterable
from typing import get_args

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from personalagent.policies.notation import CLASSIFICATION, NEEDS, PERSONALITY, PROFILE
from personalagent.policies.prompt import INSTRUCTIONS
from personalagent.profile.preference import Classification
from personalagent.profile.template import Template

END, START, PAD = "<|im_end|>", "<|im_start|>", "<|endoftext|>"
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML, as Qwen's models have it."""
VOCABULARY, CONTEXT = 4096, 2048


def tokenizer_of(
    texts: Iterable[str], template: Template, vocabulary: int = VOCABULARY
) -> PreTrainedTokenizerFast:
    """A tokenizer trained on the texts, with `vocabulary` pieces beside `whole_tokens`."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    made.add_tokens([AddedToken(text, normalized=False, special=False) for text in whole_tokens(template)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[START],
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT
    return fast


def whole_tokens(template: Template) -> list[str]:
    """What is one token each: turns of the chat, instructions, marks, slots."""
    turns = [f"{START}system\n{INSTRUCTIONS}", f"{START}user\n<slots>\n", f"{START}assistant\n"]
    marks = [
        "\n</slots>\n<profile>\n",
        "</profile>\n",
        "<reply>\n",
        "\n</reply>\n",
        "<message>\n",
        "\n</message>",
    ]
    classified = (
        f"</{PERSONALITY}>\n<{CLASSIFICATION}>{one}</{CLASSIFICATION}>\n<{NEEDS}>\n"
        for one in get_args(Classification)
    )
    blocks = [f"<{PROFILE}>\n", f"</{PROFILE}>\n<{PERSONALITY}>\n", *classified, f"</{NEEDS}>"]
    return [*turns, *marks, *blocks, ' | "', '"\n', *template.slots]
