"""The defects by name; to add one, write an event and name it here and in ``params.yaml``."""

from blemish.damage.areas import corrosion, fray, inclusion, patch, scale, uneven
from blemish.damage.change import Event
from blemish.damage.cracks import crack
from blemish.damage.scratches import scratch
from blemish.damage.spots import blowhole, chip, dent, pit

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
