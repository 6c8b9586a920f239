"""One file a family of causes: arrays and records in, a finding out; nothing is measured or decided here."""
