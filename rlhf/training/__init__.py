"""Torch: chats, models, sampling, losses, the reward model, PPO. Takes plain records and never sees the store."""
