"""Promises of `course send-test --batch`: a pair in one call, and an answer that proves whether batches are safe."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import uuid
from email.message import EmailMessage
from pathlib import Path

import pytest
from servers import Answer, Provider
from test_sendgrid_batch import delivered

from course.app import App
from course.journeys import suppression, trials
from course.settings import load

ROOT = Path(__file__).parents[1]
REFUSED = Answer(400, json.dumps({"errors": [{"message": "No.", "field": "reply_to.email"}]}).encode())


@pytest.fixture
def account(shell, monkeypatch):
    """Give a shell whose way out is an account at a provider, and that provider."""
    with Provider() as provider:
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setenv("TRANSPORT", "sendgrid")
        monkeypatch.setenv("SENDGRID_API_KEY", "SG.canary-key.0123456789abcdef")
        monkeypatch.setenv("SENDGRID_BASE_URL", provider.url)
        yield shell, provider


def try_out(account) -> list[dict]:
    """Send the pair to alice and bob; return the two mails as SendGrid delivers them."""
    run, provider = account
    ended = run("send-test", "alice@example.org", "bob@example.org", "--batch")
    assert ended.code == 0, ended.err
    return delivered(provider.requests[-1].body)


def answer(mail: dict, **changed: str) -> list[str]:
    """Answer a mail as its reader would, and let the service take that in; return what was decided."""
    told = {
        "From": mail["to"],
        "To": mail["reply_to"],
        "In-Reply-To": mail["headers"]["Message-ID"],
        "Message-ID": f"<{uuid.uuid4()}@client.example.org>",
        **changed,
    }
    written = EmailMessage()
    for name, value in told.items():
        if value:
            written[name] = value
    written.set_content("Here I am.")
    app = App.build(load())
    app.receive(written.as_bytes(), source="test")
    decided = [str(decision) for decision in app.read_spool()]
    app.close()
    return decided


def status(account) -> str:
    """Return what `course status` says of batches."""
    lines = account[0]("status").out.splitlines()
    return next((line.removeprefix("batches").strip() for line in lines if line.startswith("batches")), "")


def test_a_pair_is_one_call(account):
    """Two names, two reply addresses, two Message-IDs, one request, though SENDGRID_BATCH is 1."""
    ada, bob = try_out(account)

    assert len(account[1].requests) == 1
    assert (ada["to"], bob["to"]) == ("alice@example.org", "bob@example.org")
    assert "Hello Ada," in ada["text"]
    assert "Hello Bob &amp; Co," in bob["html"]
    assert ada["reply_to"] != bob["reply_to"]
    assert all(mail["reply_to"].startswith("reply-") for mail in (ada, bob))
    assert ada["headers"]["Message-ID"] != bob["headers"]["Message-ID"]


def test_the_pair_says_what_to_look_at(account):
    """It tells what the mails begin with, and what to do next."""
    ended = account[0]("send-test", "alice@example.org", "bob@example.org", "--batch")

    assert "“Hello Ada,” and “Hello Bob & Co,”" in ended.out
    assert "answer one of them" in ended.out


def test_a_mailbox_that_is_too_long_for_the_pair_is_named_before_anything_is_sent(account, monkeypatch):
    """Behind the plus of a long mailbox the address would be too long for mail: nothing leaves, and it says why."""
    monkeypatch.setenv("REPLY_ADDRESS", "sixteen.letters1@example.org")
    ended = account[0]("send-test", "alice@example.org", "bob@example.org", "--batch")

    assert ended.code != 0
    assert "characters too long for this test" in " ".join(ended.err.replace("│", " ").split())
    assert not account[1].requests


def test_before_an_answer_nothing_is_proven(account, monkeypatch):
    """A larger SENDGRID_BATCH is told of until then; a batch of one needs no proof."""
    try_out(account)
    assert status(account) == ""

    monkeypatch.setenv("SENDGRID_BATCH", "500")
    assert status(account).startswith("not proven to be safe here: run `course send-test")


@pytest.mark.parametrize("which", [0, 1])
def test_an_answer_by_its_own_address_is_the_proof(account, which):
    """The answer came to the address of the very mail that it answers: batches are safe here."""
    decided = answer(try_out(account)[which])

    assert decided == ["dropped"]
    assert status(account).startswith("safe here, as an answer of 20")
    assert status(account).endswith("SENDGRID_BATCH is 1")


def test_a_mail_program_that_names_no_mail_still_proves_it(account):
    """Without In-Reply-To, the sender tells whose address it was."""
    answer(try_out(account)[0], **{"In-Reply-To": ""})

    assert status(account).startswith("safe here")


def test_an_answer_from_elsewhere_without_a_reference_proves_nothing(account, monkeypatch):
    """An answer by some address of the pair, from another sender, may be the right one or the other's."""
    monkeypatch.setenv("SENDGRID_BATCH", "2")
    decided = answer(try_out(account)[0], **{"In-Reply-To": "", "From": "me@elsewhere.example"})

    assert decided == ["dropped"]
    assert status(account).startswith("not proven")


def test_an_answer_without_its_address_proves_the_contrary(account):
    """The tag in Reply-To was not replaced: the mail is known by what it answers, and batches are not safe."""
    mail = try_out(account)[0]
    answer(mail, To=account[1].requests[-1].body["reply_to"]["email"])

    assert status(account).startswith("NOT SAFE here")


def test_an_answer_by_the_others_address_proves_the_contrary(account):
    """Alice's copy had Bob's address in it."""
    ada, bob = try_out(account)
    answer(ada, To=bob["reply_to"])

    assert status(account).startswith("NOT SAFE here")


def test_the_last_answer_counts(account):
    """After the account was mended, a new pair clears it."""
    mail = try_out(account)[0]
    answer(mail, To="lost@reply.dearself.example")
    answer(try_out(account)[0])

    assert status(account).startswith("safe here")


def test_a_bounce_is_no_answer(account, monkeypatch):
    """A report about a test mail proves neither."""
    monkeypatch.setenv("SENDGRID_BATCH", "2")
    mail = try_out(account)[0]
    report = (
        f"From: mailer-daemon@example.org\r\nTo: {mail['reply_to']}\r\nIn-Reply-To: {mail['headers']['Message-ID']}\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b--\r\n'
    )
    app = App.build(load())
    app.receive(report.encode(), source="test")
    app.read_spool()
    app.close()

    assert status(account).startswith("not proven")


def test_a_stranger_cannot_prove_anything(account, monkeypatch):
    """Addresses of the pair are signed: nobody makes one up, and a person's own reply address is none."""
    monkeypatch.setenv("SENDGRID_BATCH", "2")
    mail = try_out(account)[0]
    forged = mail["reply_to"].replace("reply-", "reply-a")
    answer(mail, **{"To": forged, "In-Reply-To": "<made-up@dearself.example>"})

    assert status(account).startswith("not proven")


def test_what_was_proven_is_proven_for_that_account(account, monkeypatch):
    """Another region is another house: it is tried out anew."""
    answer(try_out(account)[0])
    monkeypatch.setenv("SENDGRID_BASE_URL", "")
    monkeypatch.setenv("SENDGRID_REGION", "eu")
    monkeypatch.setenv("SENDGRID_BATCH", "2")

    assert status(account).startswith("not proven")


@pytest.mark.parametrize(
    ("batch", "proof", "warned"),
    [("1", "", False), ("2", "", True), ("1000", "own", False), ("1000", "lost@reply.dearself.example", True)],
)
def test_an_unproven_batch_warns_until_it_is_proven(account, monkeypatch, batch, proof, warned):
    """What the worker says when it starts: nothing for a batch of one, and nothing once it is proven."""
    monkeypatch.setenv("SENDGRID_BATCH", batch)
    if proof:
        mail = try_out(account)[0]
        answer(mail, **({} if proof == "own" else {"To": proof}))
    app = App.build(load())
    said = trials.warning(app.service)
    app.close()

    assert bool(said) is warned
    assert not warned or said.startswith(f"SENDGRID_BATCH is {batch}, and calls of many are ")


def test_the_worker_says_so_when_it_starts(account, tmp_path, monkeypatch):
    """The warning is in the log of a real worker, which starts all the same."""
    monkeypatch.setenv("SENDGRID_BATCH", "500")
    command = [sys.executable, str(ROOT / "worker.py"), "--only", "clock"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as worker:
        said = list(itertools.takewhile(lambda line: "is running" not in line, worker.stdout))
        worker.terminate()

    assert any("SENDGRID_BATCH is 500, and calls of many are not proven to be safe here" in line for line in said)


def test_another_way_out_has_no_batches(shell, monkeypatch):
    """SENDGRID_BATCH means nothing to a folder: neither status nor start speaks of it."""
    monkeypatch.setenv("SENDGRID_BATCH", "1000")

    assert "batches" not in shell("status").out
    assert json.loads(shell("status", "--json").out)["batches"] == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("alice@example.org", "--batch"), "give two of yours"),
        (("alice@example.org", "ALICE@example.org", "--batch"), "give two of yours"),
        (("alice@example.org", "bob", "--batch"), "does not look like an email address"),
        (("alice@example.org", "bob@example.org"), "goes with --batch"),
    ],
)
def test_a_pair_needs_two_addresses(account, arguments, said):
    """One address, or the same twice, is told at once: SendGrid takes an address only once a call."""
    ended = account[0]("send-test", *arguments)

    assert ended.code == 2
    assert said in " ".join(ended.err.split())
    assert account[1].requests == []


@pytest.mark.parametrize("setting", [{"TRANSPORT": "folder"}, {"SENDGRID_SANDBOX": "true"}])
def test_a_pair_needs_sendgrid_in_earnest(account, monkeypatch, setting):
    """A folder and a sandbox deliver nothing that anybody could answer."""
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    ended = account[0]("send-test", "alice@example.org", "bob@example.org", "--batch")

    assert ended.code == 2
    assert "TRANSPORT=sendgrid" in " ".join(ended.err.split())


def test_a_pair_that_is_refused_is_not_sent_singly(account):
    """Two single mails would come back by their own addresses and prove nothing."""
    run, provider = account
    provider.answers = [REFUSED]
    ended = run("send-test", "alice@example.org", "bob@example.org", "--batch")

    assert ended.code == 1
    assert "reply_to.email" in ended.err
    assert len(provider.requests) == 1


def test_a_pair_minds_the_list_of_those_we_never_write_to(account):
    """Neither of the two is sent to when one of them wants no mail."""
    app = App.build(load())
    with app.service.store.transaction() as tx:
        suppression.suppress(tx, app.keys, "bob@example.org", "not me", app.clock.real())
    app.close()
    ended = account[0]("send-test", "alice@example.org", "bob@example.org", "--batch")

    assert ended.code == 1
    assert "never write to" in ended.err
    assert account[1].requests == []
