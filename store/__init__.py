"""The ground floor: every record, kept in one SQLite file. Knows nothing of training or of pages."""
