"""A CSV or Parquet file with a column ``uri``, read in batches."""

import os
from collections.abc import Iterator
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq

from blemish.errors import SourceError
from blemish.scoring.job_folder import open_filesystem

_COLUMN = "uri"


def is_manifest(source: str) -> bool:
    """Say whether SOURCE is a manifest, by its name."""
    return source.lower().endswith((".csv", ".parquet"))


def read_manifest(source: str) -> Iterator[str]:
    """Yield the column ``uri``; relative paths are taken from the manifest's own folder.

    Args:
        source: Path or URL of the manifest.

    Raises:
        SourceError: It cannot be read, or has no such column.
    """
    filesystem, path = open_filesystem(source)
    base = str(PurePosixPath(source).parent) if "://" in source else os.path.dirname(path)
    reader = _read_csv if source.lower().endswith(".csv") else _read_parquet
    try:
        with filesystem.open(path, "rb") as stream:
            for batch in reader(source, stream):
                for uri in batch.to_pylist():
                    if not uri:
                        raise SourceError(f"The manifest {source} has a row without a uri.")
                    yield _absolute(uri, base)
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(f"Cannot read the manifest {source}: {error}.") from error


def _absolute(uri: str, base: str) -> str:
    if "://" in uri:
        return uri
    return f"{base}/{uri}" if "://" in base else os.path.normpath(os.path.join(base, uri))


def _read_csv(source: str, stream: object) -> Iterator[pa.Array]:
    options = pv.ConvertOptions(column_types={_COLUMN: pa.string()}, strings_can_be_null=False)
    with pv.open_csv(stream, convert_options=options) as reader:
        _check_columns(source, reader.schema.names)
        for batch in reader:
            yield batch.column(_COLUMN)


def _read_parquet(source: str, stream: object) -> Iterator[pa.Array]:
    table = pq.ParquetFile(stream)
    _check_columns(source, table.schema_arrow.names)
    if not pa.types.is_string(kind := table.schema_arrow.field(_COLUMN).type) and not (
        pa.types.is_large_string(kind)
    ):
        raise SourceError(f"Column 'uri' of the manifest {source} holds {kind}; accepted: string.")
    for batch in table.iter_batches(batch_size=1_024, columns=[_COLUMN]):
        yield batch.column(0)


def _check_columns(source: str, names: list[str]) -> None:
    if _COLUMN not in names:
        raise SourceError(
            f"The manifest {source} has columns {', '.join(names)}; it needs a column 'uri'."
        )
