"""What a verb of the launcher does."""
