"""Prefect only: which steps, with which retries, timeouts, concurrency and schedules."""
