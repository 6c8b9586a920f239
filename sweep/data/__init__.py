"""Images: where they are, how they are split, and their pixels on disk."""
