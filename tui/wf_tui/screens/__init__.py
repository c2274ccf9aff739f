"""The console's screens; each owns the streams it shows and ends them."""
