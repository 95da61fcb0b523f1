"""The research page's panels: what the store knows, as HTML. Every text is escaped."""
