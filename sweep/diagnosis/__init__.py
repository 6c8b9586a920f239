"""What the measurements mean: statistics and rankings, pure functions of records and arrays."""
