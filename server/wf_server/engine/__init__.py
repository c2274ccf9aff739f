"""The execution of workflows and the record of it."""
