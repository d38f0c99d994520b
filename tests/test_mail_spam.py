"""Promises of what a spam filter thinks of our mails (M14): SpamAssassin by its local rules, every kind and locale."""

from __future__ import annotations

import os
import re
import subprocess
from email.utils import format_datetime
from pathlib import Path

import every_mail
import pytest
from conftest import MONDAY
from every_mail import EVERY

SPAMASSASSIN = Path("/usr/bin/spamassassin")
MOST = 0.5  # of the 5.0 that make spam
AWAKE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"  # what every spam filter knows for spam
# It may not learn what the first mails are like and think better of the others for it.
PREFERENCES = "use_bayes 0\nuse_auto_welcomelist 0\n"
JUDGED = re.compile(
    r"^X-Spam-Status: \w+, score=(-?[\d.]+) .*?tests=(.*?)\s+autolearn.*?^X-Kept-As: (\S+)", re.MULTILINE | re.DOTALL
)


def kept(raw, name):
    """Return a mail as a server keeps it that had it from ours: with a line that says so."""
    received = (
        "Received: from mx.course.example.org (mx.course.example.org [93.184.216.34]) by mail.example.net with ESMTPS "
        f"id 1; {format_datetime(MONDAY)}\r\n"
    )
    return f"{received}X-Kept-As: {name}\r\n".encode() + raw


def judged(folder, mails):
    """Return the score and the rules of each mail by its name, from one process for all."""
    (folder / "preferences").write_text(PREFERENCES)
    for name, raw in mails.items():
        (folder / name).write_bytes(kept(raw, name))
    done = subprocess.run(
        [SPAMASSASSIN, "--local", "--prefspath=preferences", *mails],
        cwd=folder,
        capture_output=True,
        check=True,
        timeout=600,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C"},
    )
    return {
        name: (float(score), "".join(rules.split()))
        for score, rules, name in JUDGED.findall(done.stdout.decode(errors="replace").replace("\r\n", "\n"))
    }


@pytest.mark.skipif(not SPAMASSASSIN.exists(), reason="SpamAssassin is not installed: apt-get install spamassassin")
@pytest.mark.parametrize("locale", sorted({which.locale for which in EVERY}))
def test_m14_spamassassin_sees_nothing_wrong(tmp_path, locale):
    """Each mail gets less than 0.5 of the 5.0 that make spam, while what is spam for sure is seen as such."""
    chosen = [which for which in EVERY if which.locale == locale]
    mails = {str(which): every_mail.outgoing(which).as_bytes() for which in chosen}
    found = judged(tmp_path, mails | {"awake": f"Subject: Offer\r\n\r\n{AWAKE}\r\n".encode()})

    assert found.pop("awake")[0] > 100
    assert set(found) == set(mails)
    assert {name: judgement for name, judgement in found.items() if judgement[0] >= MOST} == {}
