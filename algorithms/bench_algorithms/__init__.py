"""The recommenders that come with the harness, one file a family."""
