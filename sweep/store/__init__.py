"""The study database: Optuna's tables for trials, ours for measurements."""
