"""The stages of the loop with the store at both ends: read records, call what computes, write what came of it.

Each returns at once when its product is there already, so that a round that was broken off goes on.
"""
