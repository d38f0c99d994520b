"""In charge of which way up a photo is: a phone does not turn the picture, it writes into the EXIF how it was held.

That one number is taken over, into an EXIF of our own that has nothing else in it; all else in a camera's goes.
"""

from __future__ import annotations

import struct

EXIF = b"Exif\0\0"
ORDERS = {b"II*\0": "<", b"MM\0*": ">"}  # TIFF 6.0 section 2
ORIENTATION, SHORT = 0x0112, 3  # CIPA DC-008 (Exif) section 4.6.4
TURNED = range(2, 9)  # 1 is upright, and says nothing
ENTRY = 12  # bytes
MOST = 200  # entries that are looked at; a camera writes a dozen


def of(body: bytes) -> int:
    """Return how the picture of this JPEG segment is turned, 2 to 8; 0 for upright, or what says nothing of it."""
    order = ORDERS.get(body[6:10]) if body.startswith(EXIF) else None
    if order is None:
        return 0
    try:
        (first,) = struct.unpack_from(f"{order}I", body, 10)
        (count,) = struct.unpack_from(f"{order}H", body, 6 + first)
        for entry in range(min(count, MOST)):
            at = 8 + first + ENTRY * entry
            tag, kind, number, value = struct.unpack_from(f"{order}HHIH", body, at)
            if (tag, kind, number) == (ORIENTATION, SHORT, 1):
                return value if value in TURNED else 0
    except struct.error:
        pass  # cut off, or it points outside itself
    return 0


def segment(turned: int) -> bytes:
    """Return the JPEG segment that says this and nothing else."""
    entry = struct.pack(">HHIHH", ORIENTATION, SHORT, 1, turned, 0)
    body = EXIF + b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
