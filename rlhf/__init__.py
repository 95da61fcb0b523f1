"""Reads records, computes, writes records: ratings, reward model, PPO and the loop that joins them."""

import logging
import os

# bitsandbytes says on import that an optional kernel package is missing, which nobody here can or need act on.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
# trl tells its makers of each trainer that is made, which this project promises not to do.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
