"""The prediction log as it was first laid out."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only for a column that is exactly INTEGER.
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _create_predictions()
    _create_traffic()
    _create_latency()
    _create_failures()
    _create_losses()
    _create_served()
    _create_alarms()
    _create_watch()


def downgrade() -> None:
    """Drop them; their indexes go with them."""
    for name in (
        "watch",
        "alarms",
        "served",
        "losses",
        "failures",
        "latency",
        "traffic",
        "predictions",
    ):
        op.drop_table(name)


def _create_predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=128), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("alias", sa.String(length=128), nullable=True),
        sa.Column("precision", sa.String(length=16), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("image_sha256", sa.String(length=64), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("defective", sa.Boolean(), nullable=True),
        sa.Column("defect_area_fraction", sa.Float(), nullable=True),
        sa.Column("defect_count", sa.Integer(), nullable=True),
        sa.Column("defects", sa.Text(), nullable=True),
        sa.Column("decode_ms", sa.Float(), nullable=True),
        sa.Column("infer_ms", sa.Float(), nullable=True),
        sa.Column("post_ms", sa.Float(), nullable=True),
        sa.Column("total_ms", sa.Float(), nullable=True),
        sa.Column("brightness", sa.Float(), nullable=True),
        sa.Column("contrast", sa.Float(), nullable=True),
        sa.Column("sharpness", sa.Float(), nullable=True),
        sa.Column("spectrum_1", sa.Float(), nullable=True),
        sa.Column("spectrum_2", sa.Float(), nullable=True),
        sa.Column("spectrum_3", sa.Float(), nullable=True),
        sa.Column("spectrum_4", sa.Float(), nullable=True),
        sa.Column("probability_mass", sa.Float(), nullable=True),
        sa.Column("shadow_version", sa.Integer(), nullable=True),
        sa.Column("shadow_disagreement", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "predictions_by_error",
        "predictions",
        ["time_ms"],
        unique=False,
        sqlite_where=sa.text("error IS NOT NULL"),
        postgresql_where=sa.text("error IS NOT NULL"),
    )
    op.create_index("predictions_by_picture", "predictions", ["image_sha256"], unique=False)
    op.create_index("predictions_by_time", "predictions", ["time_ms"], unique=False)
    op.create_index("predictions_by_verdict", "predictions", ["defective", "time_ms"], unique=False)
    op.create_index("predictions_by_version", "predictions", ["version", "time_ms"], unique=False)


def _create_traffic() -> None:
    op.create_table(
        "traffic",
        sa.Column("span_s", sa.Integer(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("answered", sa.BigInteger(), nullable=False),
        sa.Column("defective", sa.BigInteger(), nullable=False),
        sa.Column("area", sa.Float(), nullable=False),
        sa.Column("decode_ms", sa.Float(), nullable=False),
        sa.Column("infer_ms", sa.Float(), nullable=False),
        sa.Column("post_ms", sa.Float(), nullable=False),
        sa.Column("total_ms", sa.Float(), nullable=False),
        sa.Column("shadowed", sa.BigInteger(), nullable=False),
        sa.Column("disagreement", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("span_s", "start_ms", "version"),
    )


def _create_latency() -> None:
    op.create_table(
        "latency",
        sa.Column("span_s", sa.Integer(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("bin", sa.Integer(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("span_s", "start_ms", "bin"),
    )


def _create_failures() -> None:
    op.create_table(
        "failures",
        sa.Column("span_s", sa.Integer(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.String(length=128), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("span_s", "start_ms", "error"),
    )


def _create_losses() -> None:
    op.create_table(
        "losses",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("losses_by_time", "losses", ["time_ms"], unique=False)


def _create_served() -> None:
    op.create_table(
        "served",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("alias", sa.String(length=128), nullable=True),
        sa.Column("precision", sa.String(length=16), nullable=True),
        sa.Column("statistics", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("served_by_time", "served", ["time_ms"], unique=False)


def _create_alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("bound", sa.Float(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("alarms_by_rule", "alarms", ["rule", "opened_ms"], unique=False)


def _create_watch() -> None:
    op.create_table(
        "watch",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("checked_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
