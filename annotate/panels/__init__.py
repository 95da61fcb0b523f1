"""The research page's panels: what the store knows, as HTML that no text in it can break out of."""
