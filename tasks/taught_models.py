"""The newest of what a client taught about classes, as describing takes it from the catalogue."""

from sqlalchemy import Connection, select

from records.class_models import ClassModel, read_model
from records.tables import class_models


def newest(connection: Connection, client: str) -> ClassModel | None:
    """Return what a client taught last; None where nothing was taught.

    Raises:
        RecordClassError: what is stored is no model.
    """
    query = select(class_models.c.model).where(class_models.c.client == client)
    row = connection.execute(query.order_by(class_models.c.version.desc()).limit(1)).scalar_one_or_none()
    return None if row is None else read_model(row)
