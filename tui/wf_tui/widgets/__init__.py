"""What screens are made of. A widget never asks the server: it tells by a message what the operator did."""
