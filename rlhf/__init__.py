"""Reads records, computes, writes records: ratings, reward model, PPO and the loop that joins them."""

import logging
import os

# Before torch is imported, which reads it then. Threads that spin while they wait for one whose core another process
# has taken make training three times as long beside one busy process; sleeping, they cost nothing measurable.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# bitsandbytes says on import that an optional kernel package is missing, which nobody here can or need act on.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
