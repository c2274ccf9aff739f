"""Measures a real server, and the console, against the budgets. Prints figures; asserts nothing."""
