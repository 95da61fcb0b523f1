"""Reads records, computes, writes records: ratings, reward model, PPO and the loop that joins them."""

import logging

# bitsandbytes says on import that an optional kernel package is missing, which nobody here can or need act on.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
