"""Alembic's entry: runs on the connection that infra.database hands over, inside its transaction."""

from alembic import context

import custody.contact_tables
import custody.desk_tables
import custody.disposal_tables
import custody.loan_tables
import custody.tables  # noqa: F401  their tables join the one MetaData
import records.export_tables
import records.review_tables
import records.sample_tables  # noqa: F401
from records.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=False, render_as_batch=False)
context.run_migrations()
