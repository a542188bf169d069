"""Conversations with the whole graph, for nodes whose work is seen in it only."""

from tests.graph.conftest import talks

__all__ = ["talks"]
