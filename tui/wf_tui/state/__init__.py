"""Frozen view models and the pure functions over them."""
