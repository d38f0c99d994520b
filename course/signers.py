"""In charge of the public keys that the settings name: of those who sign what they hand in."""

from __future__ import annotations

import base64

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key


def public_key(setting: str) -> ec.EllipticCurvePublicKey | None:
    """Return the key that SendGrid shows as one line of base64 (DER), or None for what is none."""
    try:
        key = load_der_public_key(base64.b64decode(setting, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None
