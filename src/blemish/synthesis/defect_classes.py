"""The defects by name; to add one, write an event and name it here and in ``params.yaml``."""

from blemish.synthesis.areas import corrosion, fray, inclusion, patch, scale, uneven
from blemish.synthesis.change import Event
from blemish.synthesis.cracks import crack
from blemish.synthesis.scratches import scratch
from blemish.synthesis.spots import blowhole, chip, dent, pit

DEFECTS: dict[str, Event] = {
    "scratch": scratch,
    "crack": crack,
    "pit": pit,
    "blowhole": blowhole,
    "inclusion": inclusion,
    "patch": patch,
    "scale": scale,
    "dent": dent,
    "chip": chip,
    "fray": fray,
    "uneven": uneven,
    "corrosion": corrosion,
}
