"""The environment variables that Blemish reads, as one frozen object."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from blemish.config.workspace import find_workspace
from blemish.errors import ParamsError, WorkspaceError

LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
]


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "blemish"
    except RuntimeError as error:
        raise ParamsError(
            "This user has no home folder: HOME is not set and the system knows none. Name a "
            "folder for verified model files: BLEMISH_CACHE=/path/to/folder"
        ) from error


class Settings(BaseSettings):
    """What depends on the machine and the deployment, never on the model.

    Each field is read from ``BLEMISH_<NAME>``, but for those with a name of their own. A variable
    that is empty counts as not set. Names of an earlier release are still read, since a variable
    that is ignored would let a server keep images that it was told not to keep.
    """

    model_config = SettingsConfigDict(env_prefix="BLEMISH_", env_ignore_empty=True, frozen=True)

    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Processes for data work; never changes a byte of a result."""
    real_data: Path | None = None
    """Folder of real sets that the tests read."""
    cache: Path = Field(default_factory=_default_cache)
    """Folder of verified model files, by SHA-256."""
    tracking_uri: str | None = Field(default=None, validation_alias="MLFLOW_TRACKING_URI")
    """An MLflow server or database; the embedded SQLite file where unset."""
    log_url: str | None = None
    """Database of the prediction log; ``.blemish/predictions.db`` where unset."""
    log_images: Path | None = Field(
        default=None, validation_alias=AliasChoices("BLEMISH_LOG_IMAGES", "BLEMISH_LOG_PICTURES")
    )
    """Folder of the logged images; ``.blemish/pictures`` where unset."""
    api_url: str = "http://127.0.0.1:8000"
    """The API that the Monitor page watches."""
    api_key: SecretStr | None = None
    """The key that the Monitor page shows to it."""
    keys_file: Path | None = None
    """File of the API keys' digests; ``.blemish/keys.json`` where unset."""
    log_level: LogLevel = "info"
    """What the server writes to its log."""
    keep_images: bool = Field(
        default=True, validation_alias=AliasChoices("BLEMISH_KEEP_IMAGES", "BLEMISH_KEEP_PICTURES")
    )
    """The server hands the images it saw to the prediction log."""
    otlp_endpoint: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    """Where the server sends traces; none where unset."""
    alarm_webhook: str | None = None
    """Address that alarms are posted to; nobody is told where unset."""
    alarm_secret: SecretStr | None = None
    """Signs what is posted to ``alarm_webhook``."""
    users_file: Path | None = None
    """File of the dashboard's users; ``.blemish/users.json`` where unset."""
    dashboard_login: bool = False
    """The dashboard asks for a login; `blemish dashboard` sets it beyond loopback."""
    dashboard_hosts: str = ""
    """Names, by commas, to which the dashboard answers beside its own address and loopback."""
    dashboard_read_only: bool = False
    """The dashboard shows models but moves none."""
    dashboard_password: SecretStr | None = None
    """What a person must enter on the Models page before moving an alias."""

    @property
    def state(self) -> Path:
        """Folder of our state: that of the main working tree; without a checkout, the cache."""
        try:
            return find_workspace().state
        except WorkspaceError:
            return self.cache


def settings() -> Settings:
    """Read the environment afresh.

    Raises:
        ParamsError: A variable holds a value that is not accepted; names each of them.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = "\n".join(f"  {_describe(fault)}" for fault in error.errors())
        raise ParamsError(
            f"The environment holds values that are not accepted:\n{lines}"
        ) from error


def _describe(fault: Any) -> str:
    """Name the variable, its value and what is accepted."""
    field = str(fault["loc"][0])
    variable = field if field.isupper() else f"BLEMISH_{field.upper()}"
    return f"{variable}: got {fault['input']!r}; {fault['msg'][0].lower()}{fault['msg'][1:]}"
