"""A finished study as a terminal text, a page or a table; reads records, measures nothing."""
