"""Study files: TOML and overrides become one validated, hashed `StudyDefinition`."""
