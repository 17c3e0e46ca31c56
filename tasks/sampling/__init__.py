"""Sampling what was accepted unseen, and the error rates of fields and of people."""
