"""Reads YAML as DVC reads it, so that one file never means two things.

DVC parses by ruamel.yaml: YAML 1.2, in which ``010`` is ten, ``yes`` is a word, and a key that
stands twice is an error.
"""

import warnings
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError, YAMLWarning

from blemish.errors import BlemishError


def read_yaml(path: Path, error: type[BlemishError]) -> Any:
    """Read one YAML file.

    Args:
        path: The file, in UTF-8.
        error: What to raise where it cannot be read.

    Returns:
        What it holds; None where it is empty.

    Raises:
        error: It is not UTF-8 or not valid YAML, or names a key twice; says in which line.
        FileNotFoundError: It is missing.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
        with warnings.catch_warnings():
            # An anchor that is given twice is a mistake, not a remark.
            warnings.simplefilter("error", YAMLWarning)
            return YAML(typ="safe", pure=True).load(text)
    except UnicodeDecodeError as fault:
        line = data[: fault.start].count(b"\n") + 1
        raise error(
            f"{path}, line {line}: the byte 0x{data[fault.start]:02X} is not UTF-8. Save the file "
            "as UTF-8 and run again."
        ) from fault
    except RecursionError as fault:
        raise error(f"{path}: not valid YAML: it is nested too deeply. Fix it.") from fault
    except (YAMLError, YAMLWarning, ValueError) as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f"{path}, line {mark.line + 1}" if mark else str(path)
        problem = getattr(fault, "problem", None) or str(fault)
        raise error(f"{place}: not valid YAML: {problem}. Fix it and run again.") from fault
