"""Ids that are a hash of what they identify, for rows without an id of their own in their source."""

import hashlib
import json


def hashed_id(*parts: object) -> str:
    """16 hex digits that depend only on `parts`."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
