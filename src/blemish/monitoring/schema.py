"""The tables of the prediction log, the same on SQLite and PostgreSQL.

Times are whole milliseconds since 1970 UTC: both databases compare and divide them alike.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from blemish.image_statistics import NAMES as IMAGE_STATISTICS
from blemish.prediction import PHASES

STATISTICS = (*IMAGE_STATISTICS, "probability_mass")
"""What the log keeps of every image so that drift can be tested without its pixels: how it looks,
and the mean probability that the model gave its pixels."""

metadata = MetaData()

# SQLite numbers rows by itself only for a column that is exactly INTEGER.
_Id = BigInteger().with_variant(Integer, "sqlite")

predictions = Table(
    "predictions",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("time_ms", BigInteger, nullable=False),
    Column("request_id", String(128), nullable=False),
    Column("status", Integer, nullable=False),
    Column("error", String(128)),
    Column("error_detail", String(1_000)),
    Column("key_name", String(128)),
    Column("version", Integer),
    Column("alias", String(128)),
    Column("precision", String(16)),
    Column("fingerprint", String(64)),
    Column("git_commit", String(64)),
    Column("width", Integer),
    Column("height", Integer),
    Column("image_sha256", String(64)),
    Column("threshold", Float),
    Column("defective", Boolean),
    Column("defect_area_fraction", Float),
    Column("defect_count", Integer),
    Column("defects", Text),
    Column("warnings", Text),
    *(Column(f"{phase}_ms", Float) for phase in PHASES),
    *(Column(name, Float) for name in STATISTICS),
    Column("shadow_version", Integer),
    Column("shadow_disagreement", Float),
    Index("predictions_by_time", "time_ms"),
    Index("predictions_by_version", "version", "time_ms"),
    Index("predictions_by_key", "key_name", "time_ms"),
    Index("predictions_by_picture", "image_sha256"),
    Index("predictions_by_verdict", "defective", "time_ms"),
    Index(
        "predictions_by_error",
        "time_ms",
        sqlite_where=text("error IS NOT NULL"),
        postgresql_where=text("error IS NOT NULL"),
    ),
)

traffic = Table(
    "traffic",
    metadata,
    Column("span_s", Integer, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("defective", BigInteger, nullable=False),
    Column("area", Float, nullable=False),
    *(Column(f"{phase}_ms", Float, nullable=False) for phase in PHASES),
    Column("shadowed", BigInteger, nullable=False),
    Column("disagreement", Float, nullable=False),
    PrimaryKeyConstraint("span_s", "start_ms", "version"),
)
"""Sums over a minute or an hour; ``version`` is 0 where no model answered."""

latency = Table(
    "latency",
    metadata,
    Column("span_s", Integer, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("bin", Integer, nullable=False),
    Column("requests", BigInteger, nullable=False),
    PrimaryKeyConstraint("span_s", "start_ms", "bin"),
)
"""How many answers took how long; bins as in :func:`blemish.monitoring.rollups.latency_bin`."""

failures = Table(
    "failures",
    metadata,
    Column("span_s", Integer, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("error", String(128), nullable=False),
    Column("requests", BigInteger, nullable=False),
    PrimaryKeyConstraint("span_s", "start_ms", "error"),
)

losses = Table(
    "losses",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("time_ms", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Index("losses_by_time", "time_ms"),
)
"""Predictions that were answered but not logged, told once the database took entries again."""

served = Table(
    "served",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("time_ms", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("alias", String(128)),
    Column("precision", String(16)),
    Column("statistics", Text, nullable=False),
    Index("served_by_time", "time_ms"),
)
"""Which version a server took into use when, with the training statistics of its file."""

alarms = Table(
    "alarms",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("rule", String(64), nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger),
    Column("value", Float, nullable=False),
    Column("bound", Float, nullable=False),
    Column("detail", Text, nullable=False),
    Column("acknowledged_ms", BigInteger),
    Column("acknowledged_by", String(128)),
    Index("alarms_by_rule", "rule", "opened_ms"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("alarm_id", BigInteger, nullable=False),
    Column("event", String(16), nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Index("notices_by_due", "due_ms"),
)
"""Alarms that were opened or closed and are still to be told to the webhook."""

watch = Table(
    "watch",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("checked_ms", BigInteger, nullable=False),
)
"""When the alarms were last looked at, so that of many processes one does it."""
