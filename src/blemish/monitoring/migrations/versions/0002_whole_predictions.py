"""What a prediction says beyond the first layout: which training, which commit, its warnings."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; rows of before have no fingerprint and no warnings."""
    with op.batch_alter_table("predictions") as table:
        table.add_column(sa.Column("fingerprint", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("git_commit", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("warnings", sa.Text(), nullable=True))
    op.execute(
        "UPDATE predictions SET fingerprint = '', warnings = '[]' WHERE image_sha256 IS NOT NULL"
    )


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("predictions") as table:
        for name in ("warnings", "git_commit", "fingerprint"):
            table.drop_column(name)
