"""Who holds what, unaltered: sealed originals, keys, ledger, fixity; physical files and loans."""
