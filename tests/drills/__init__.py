"""Drills: each breaks something on purpose, counts how often, and compares what is left with an undisturbed run."""
