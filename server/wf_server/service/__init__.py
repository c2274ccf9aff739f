"""The gRPC services: decode, call, encode. No rules in here."""
