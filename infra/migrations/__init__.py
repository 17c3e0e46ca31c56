"""The catalogue's migrations, run by Alembic."""
