"""Prove it: every schedule within bounds, and how many that are.

``minisqs.check`` looks for a bug; ``minisqs.prove`` shows that there is none, within bounds: so many messages,
workers and things that go wrong, at every statement. It makes every run but those that show the same as another.
The claim names its bounds, and is never more. Where a schedule breaks the consumer, the proof fails with its
story; where there are more runs than the budget, nothing is claimed.
"""

import minisqs
from minisqs.outside import Table


class Bank:
    """Takes each transfer once: the mark and the booking are one transaction."""

    def __init__(self):
        self.accounts = Table("accounts")

    def handler(self, event, context):
        for record in event["Records"]:
            transfer = record["messageId"]
            with minisqs.outside.transaction() as both:
                balance = both.get(self.accounts, "balance", 0)
                if both.get(self.accounts, transfer) is None:
                    both.put(self.accounts, transfer, "booked")
                    both.put(self.accounts, "balance", balance + int(record["body"]))

    def observe(self):
        return self.accounts.get("balance")


class CarelessBank(Bank):
    """The same, in two steps."""

    def handler(self, event, context):
        for record in event["Records"]:
            if self.accounts.get(record["messageId"]) is None:
                self.accounts.add("balance", int(record["body"]))
                self.accounts.put(record["messageId"], "booked")


proof = minisqs.prove(Bank, ["100", "20"], workers=2, faults=2)
print(f"Bank: proved, in {proof.runs} runs; {proof.pruned} others would show the same.")
print("within", {name: proof.bounds[name] for name in ("messages", "workers", "faults", "preemptions")})
print("kinds of fault:", *proof.bounds["kinds"])
print("what customers may see in the end:", *proof.states)
print()

try:
    minisqs.prove(CarelessBank, ["100", "20"], workers=2, faults=2)
except minisqs.CheckFailed as failed:
    print("CarelessBank:")
    print(failed.report)

try:
    minisqs.prove(Bank, ["100", "20"], workers=2, faults=2, budget=50)
except minisqs.ProofIncomplete as incomplete:
    print("With a budget of 50 runs:", str(incomplete).partition(":")[0])
