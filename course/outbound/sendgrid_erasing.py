"""In charge of asking SendGrid to erase what it keeps of an address (POST /v3/recipients/erasejob).

Nothing here waits for it or is kept for later: a list of those who are still to be erased would hold their addresses.
"""

from __future__ import annotations

import time
from http.client import HTTPException

from course.outbound.sendgrid_client import KeptClient, tls_for
from course.settings import Settings

ACCEPTED = 202
SECONDS = 10  # for each step of the request: somebody is waiting at the command line


def ask(settings: Settings, *whom: str) -> str:
    """Ask SendGrid to erase these addresses; return "" once it has taken the request, else why it did not.

    The reason names neither the key nor an address. Raises nothing that the network or SendGrid can cause.
    """
    key, host = settings.sendgrid_api_key.get_secret_value().strip(), settings.sendgrid_host
    client = KeptClient(
        key, host, tls_for(host), path=("recipients", "erasejob"), seconds=SECONDS, monotonic=time.monotonic
    )
    try:
        answer = client.post({"email_addresses": list(whom)})
    except (OSError, HTTPException, ValueError) as error:
        return f"it could not be reached ({type(error).__name__})"
    finally:
        client.close()
    if answer.status_code == ACCEPTED:
        return ""
    return f"it answered {answer.status_code}"
