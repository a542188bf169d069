"""Prompts in a model's tokens."""

from transformers import PreTrainedTokenizerBase

from personalagent.training.rollouts import Messages
from personalagent.training.runs import NO_THINKING


class Rendering:
    """How a model's chat template renders prompts, without thinking; the most tokens that one may have."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, longest: int) -> None:
        self.tokenizer, self.longest = tokenizer, longest

    def ids(self, messages: Messages) -> list[int]:
        """The prompt's tokens, up to where the reply begins."""
        ids: list[int] = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=False, **NO_THINKING
        )
        return ids

    def fits(self, messages: Messages) -> bool:
        """Whether the prompt has at most `longest` tokens."""
        return len(self.ids(messages)) <= self.longest
