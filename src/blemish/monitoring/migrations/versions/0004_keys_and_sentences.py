"""Which key asked, and the sentence by which a request was refused."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; rows of before have neither."""
    with op.batch_alter_table("predictions") as table:
        table.add_column(sa.Column("key_name", sa.String(length=128), nullable=True))
        table.add_column(sa.Column("error_detail", sa.String(length=1_000), nullable=True))
        table.create_index("predictions_by_key", ["key_name", "time_ms"])


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("predictions") as table:
        table.drop_index("predictions_by_key")
        table.drop_column("error_detail")
        table.drop_column("key_name")
