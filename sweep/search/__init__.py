"""Which configuration is tried next, and the loop that tries it."""
