"""Questions to the operator. What a dialog is about is frozen when it opens."""
