"""What a command may import while it runs, loaded once for all forks (tests/warm.py)."""

import importlib

import alembic.command
import alembic.config
import opensearchpy
import pebble
import psycopg
import tantivy

import custody.stores.s3
import search.opensearch_index
import search.tantivy_index
from cli.main import COMMANDS

LOADED = (
    alembic.command, alembic.config, opensearchpy, pebble, psycopg, tantivy, custody.stores.s3, search.opensearch_index,
    search.tantivy_index, *(importlib.import_module(module) for module in set(COMMANDS.values()) - {"cli.up"}),
)  # fmt: skip
