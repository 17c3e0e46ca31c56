"""The reading room and the desks: pages and JSON API."""
