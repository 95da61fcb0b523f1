"""A job from its row in the store to its result, and the worker that takes jobs one at a time."""
