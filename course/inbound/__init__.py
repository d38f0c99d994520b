"""Ways in. Whatever the way, raw bytes are spooled durably before anybody is told that they arrived."""
