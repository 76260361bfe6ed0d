"""Leaderboards and tables: pure functions of stored records."""
