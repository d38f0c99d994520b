"""In charge of the sockets that this service listens on: had before anything begins, or the start says why not."""

from __future__ import annotations

import socket
from pathlib import Path

from course.hosts import Listening
from course.settings import Settings, SettingsError


def for_pages(settings: Settings) -> socket.socket:
    """Return the socket of HOST and PORT. Raises SettingsError when it is not to be had."""
    try:
        return _bound(settings.host, settings.port)
    except OSError as error:
        raise SettingsError(
            f"PORT: {settings.host}:{settings.port} cannot be used ({error.strerror}); put another, like PORT=8001"
        ) from None


def for_mail(place: Listening) -> socket.socket:
    """Return the socket of MAIL_LISTEN. Raises SettingsError when it is not to be had.

    A path is for its owner and its group: whoever may write to it may hand mail in.
    """
    try:
        bound = _bound_path(Path(place.path)) if place.path else _bound(place.host, place.port)
        bound.listen()  # whoever calls before the service is up waits, instead of being turned away
    except OSError as error:
        raise SettingsError(
            f"MAIL_LISTEN: {place} cannot be used ({error.strerror or error}); end what uses it, or put another"
        ) from None
    return bound


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def _bound_path(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and not _answers(path):
            path.unlink()  # left by a process that was killed
        bound.bind(str(path))
        path.chmod(0o660)
    except OSError:
        bound.close()
        raise
    return bound


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            return False
    return True
