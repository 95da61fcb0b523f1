"""Reads records, computes, writes records: ratings, reward model, PPO and the loop that joins them."""
