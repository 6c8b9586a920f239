"""One configuration in, its measurements out; knows no database and no sampler."""
