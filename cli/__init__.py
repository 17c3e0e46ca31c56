"""The operator's bench: the muniment command."""
