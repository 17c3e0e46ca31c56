"""The records desk: receive, locate, lend, return, count; each act is one transaction and one ANSWER."""
