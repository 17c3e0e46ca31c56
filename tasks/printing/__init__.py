"""What is printed at the records desk, read from the catalogue: labels, slips, out-cards and lists; each an event."""
