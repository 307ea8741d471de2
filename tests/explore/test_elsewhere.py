"""Where state is kept in files, databases or libraries, no run is left out that could show something else."""

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

import minisqs

BACKEND: dict[str, list[str]] = {}


class Mails:
    """Claims first, then sends: a kill in between loses the mail. Everything is in files."""

    def __init__(self):
        self.folder = tempfile.mkdtemp()

    def handler(self, event, context):
        for record in event["Records"]:
            try:
                self.claim(record["messageId"])
            except FileExistsError:
                continue
            self.send(record)

    def claim(self, name):
        os.close(os.open(Path(self.folder, f"{name}.claimed"), os.O_CREAT | os.O_EXCL))

    def send(self, record):
        Path(self.folder, f"{record['messageId']}.mail").write_text(record["body"])

    def observe(self):
        return sorted(path.suffix for path in Path(self.folder).iterdir() if path.suffix == ".mail")

    def close(self):
        shutil.rmtree(self.folder)


class ClaimsByFolder(Mails):
    def claim(self, name):
        Path(self.folder, name).mkdir()


class SendsInMemory(Mails):
    """What is observed is in the object; only the claims are elsewhere, and nobody looks at these."""

    def __init__(self):
        super().__init__()
        self.mails = []

    def send(self, record):
        self.mails.append(record["body"])

    def observe(self):
        return sorted(self.mails)


class ClaimsInSqlite(SendsInMemory):
    def __init__(self):
        super().__init__()
        self.run("CREATE TABLE claims (id TEXT PRIMARY KEY)")

    def run(self, sql, *values):
        with closing(sqlite3.connect(f"{self.folder}/claims", isolation_level=None)) as database:
            database.execute(sql, values)

    def claim(self, name):
        try:
            self.run("INSERT INTO claims VALUES (?)", name)
        except sqlite3.IntegrityError:
            raise FileExistsError from None


class Counts(ClaimsInSqlite):
    """Beside the database there is a number in memory."""

    def __init__(self):
        super().__init__()
        self.handled = 0

    def send(self, record):
        super().send(record)
        self.handled += 1


class InALibrary:
    """Keeps its mails where no attribute of it leads; a number beside them changes at another statement."""

    def __init__(self):
        self.handled = 0
        self.claims = set()
        vars(minisqs).setdefault("_a_library", BACKEND)["mails"] = []

    def handler(self, event, context):
        for record in event["Records"]:
            if record["messageId"] not in self.claims:
                vars(minisqs)["_a_library"]["mails"].append(record["body"])
                self.handled += 1
                self.claims.add(record["messageId"])

    def observe(self):
        return list(vars(minisqs)["_a_library"]["mails"])


ELSEWHERE = [Mails, ClaimsByFolder, SendsInMemory, ClaimsInSqlite, Counts, InALibrary]
every_subject = pytest.mark.parametrize("subject", ELSEWHERE, ids=lambda subject: subject.__name__)


@every_subject
def test_a_proof_does_not_leave_out_what_breaks_it(subject):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.prove(subject, ["a"], faults=1, kinds=["kill"])
    assert [fault.name for fault in caught.value.report.faults] == ["kill"]


@every_subject
def test_a_check_without_luck_finds_it(subject):
    with pytest.raises(minisqs.CheckFailed):
        minisqs.check(subject, ["a"], faults=["kill"], runs=0)


def test_what_is_observed_is_never_asked_for_after_close():
    asked = []

    class Shop(minisqs.outside.Table):
        closed = False

        def handler(self, event, context):
            for record in event["Records"]:
                self.put(record["messageId"], record["body"])

        def observe(self):
            asked.append(self.closed)
            return sorted(self.values())

        def close(self):
            self.closed = True

    minisqs.check(Shop, ["a"], budget=20, runs=5)
    assert asked
    assert not any(asked)


def test_reading_a_file_keeps_the_reductions():
    class Reads:
        def __init__(self):
            self.lines = {}

        def handler(self, event, context):
            with Path(__file__).open() as file:
                first = file.readline()
            for record in event["Records"]:
                self.lines[record["messageId"]] = first

        def observe(self):
            return sorted(self.lines.values())

    assert minisqs.prove(Reads, ["a"], faults=1).pruned > 0


def test_a_file_that_only_a_redelivery_writes_is_seen_in_the_run_that_writes_it(tmp_path):
    log = tmp_path / "log"

    class Redelivered:
        def __init__(self):
            self.seen, self.done = 0, False
            log.unlink(missing_ok=True)

        def handler(self, event, context):
            for record in event["Records"]:
                if record["attributes"]["ApproximateReceiveCount"] != "1" and not self.done:
                    with log.open("a") as file:
                        file.write("again\n")
                    step = len(record)
                    self.done = step > 0

        def observe(self):
            return log.exists() and len(log.read_text().splitlines()) > 1

    with pytest.raises(minisqs.CheckFailed):
        minisqs.prove(Redelivered, ["a"], kinds=["kill"], faults=2, workers=1)


def test_of_a_large_world_a_small_change_is_seen():
    class Large:
        def __init__(self):
            self.rows = {f"row-{number:06}": number for number in range(2_000)}

        def handler(self, event, context):
            for record in event["Records"]:
                self.rows[record["messageId"]] = 1

        def observe(self):
            return sorted(self.rows.items(), key=lambda row: row[0].replace("row", "0"))

    assert not minisqs.check(Large, ["a"], budget=20, runs=5).sees_nothing
