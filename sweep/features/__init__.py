"""What the frozen part of a backbone says of every image, computed once."""
