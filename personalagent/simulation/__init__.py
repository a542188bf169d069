"""Simulated users for training and evaluations, and the environment in which an agent meets them."""
