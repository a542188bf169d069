"""A tiny Qwen3 made from scratch, tokenizer and all: for tests, and to see training work on two cores."""
