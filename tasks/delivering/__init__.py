"""Delivering index data: settled records of a class as a file, once each, whole or to be gone on with."""
