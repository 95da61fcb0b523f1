"""The face: the annotators' page and the research page. Shares nothing with training but the store."""
