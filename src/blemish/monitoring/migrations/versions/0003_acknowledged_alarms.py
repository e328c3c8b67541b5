"""Who has seen an alarm, and which alarms are still to be told outside."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns and the table; alarms of before are not acknowledged."""
    with op.batch_alter_table("alarms") as table:
        table.add_column(sa.Column("acknowledged_ms", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("acknowledged_by", sa.String(length=128), nullable=True))
    op.create_table(
        "notices",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("alarm_id", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("notices_by_due", "notices", ["due_ms"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("notices")
    with op.batch_alter_table("alarms") as table:
        table.drop_column("acknowledged_by")
        table.drop_column("acknowledged_ms")
