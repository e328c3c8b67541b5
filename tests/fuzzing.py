"""A small mutation fuzzer: seeded, so that a finding comes back, and aware of checksums."""

import itertools
import os
import random
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_NUMBERS = (0, 1, 2, 3, 7, 8, 15, 16, 127, 128, 255, 256, 32_767, 65_535, 2**31 - 1, 2**32 - 1)
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Report:
    """What a run of the fuzzer did."""

    seed: int
    cases: int
    slowest_s: float

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.cases} cases, 0 findings, slowest {self.slowest_s:.2f} s"


def fuzz(
    seeds: Sequence[bytes],
    check: Callable[[bytes, random.Random], None],
    *,
    seed: int,
    cases: int | None = None,
    seconds: float = float("inf"),
) -> Report:
    """Mutate seeds and check each, until so many cases or seconds are over.

    Args:
        seeds: Sound inputs.
        check: Raises on a finding.
        seed: Of the random numbers; case ``n`` depends on it and on ``n`` alone.
        cases: How many.
        seconds: How long, at most.

    Raises:
        AssertionError: A finding; it names seed, case and the bytes.
    """
    begin, slowest, number = time.monotonic(), 0.0, 0
    for number in itertools.count() if cases is None else range(cases):
        rng = random.Random(f"{seed}:{number}")  # noqa: S311 - seeded, so that it comes back
        data = mutate(rng.choice(seeds), rng)
        start = time.monotonic()
        try:
            check(data, rng)
        except Exception as error:
            raise AssertionError(
                f"seed {seed}, case {number}: {error!r} on {len(data)} bytes {data[:400].hex()}"
            ) from error
        now = time.monotonic()
        slowest = max(slowest, now - start)
        if now - begin > seconds:
            break
    return Report(seed, number + 1, slowest)


def fuzz_for_minutes(
    name: str,
    seeds: Sequence[bytes],
    check: Callable[[bytes, random.Random], None],
    *,
    share: float = 1.0,
) -> None:
    """Check as many cases as fit into some minutes, by a seed of the day, and print the report.

    ``BLEMISH_FUZZ_MINUTES`` sets another length, ``BLEMISH_FUZZ_SEED`` another seed.

    Args:
        name: Of what is fuzzed.
        seeds: Sound inputs.
        check: Raises on a finding.
        share: Of the minutes.
    """
    seed = int(os.environ.get("BLEMISH_FUZZ_SEED", time.time_ns() % 2**32))
    seconds = 60 * share * float(os.environ.get("BLEMISH_FUZZ_MINUTES", "5"))
    print(f"{name}: {fuzz(seeds, check, seed=seed, seconds=seconds)}")  # noqa: T201


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Change, cut, repeat, insert or overwrite by numbers that break parsers, a few times."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = (
            rng.randrange(len(changed) + 1)
            if rng.random() < 0.5
            else rng.randrange(min(len(changed), 256) + 1)
        )
        size = rng.choice((1, 1, 2, 4, rng.randint(1, 64)))
        kind = rng.randrange(5)
        if kind == 0:
            changed[at : at + size] = rng.randbytes(size)
        elif kind == 1:
            del changed[at : at + size]
        elif kind == 2:
            changed[at:at] = changed[at : at + size] * rng.choice((1, 2, 50))
        elif kind == 3:
            number = rng.choice(_NUMBERS)
            width = rng.choice((1, 2, 4))
            order = rng.choice(("little", "big"))
            changed[at : at + width] = (number % 256**width).to_bytes(width, order)
        elif at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
    return _with_checksums(bytes(changed)) if rng.random() < 0.8 else bytes(changed)


def _with_checksums(data: bytes) -> bytes:
    """Make the checksums of a PNG right again, as far as its chunks can be walked."""
    if not data.startswith(_PNG):
        return data
    fixed, position = bytearray(data), len(_PNG)
    while position + 12 <= len(fixed):
        (length,) = struct.unpack_from(">I", fixed, position)
        end = position + 8 + length
        if end + 4 > len(fixed):
            break
        struct.pack_into(">I", fixed, end, zlib.crc32(fixed[position + 4 : end]))
        position = end + 4
    return bytes(fixed)
