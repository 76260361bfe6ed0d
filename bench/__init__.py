"""A benchmarking and evaluation harness for recommender systems."""
