"""Tuning: Optuna over the typed ranges of a row, on validation only, within a budget that goes on record."""
