"""Settings, clients, the composition root, migrations, local services."""
