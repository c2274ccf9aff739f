"""Looking after the database: whether it is whole, and what of it goes into the archive."""
