"""Language models served for the policies."""
