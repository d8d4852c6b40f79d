"""Numbers that readers can resume from: taken under a row lock, so that they become visible in their own order.

A primary key cannot do that: key 10 may be committed after a reader has seen key 11, who then never asks for it.
"""

from django.db import models, transaction
from django.db.models import F


class Sequence(models.Model):
    name = models.CharField(max_length=80, primary_key=True)
    last = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.last}"

    @classmethod
    def take(cls, name: str) -> int:
        """The next number of `name`, from 1. The UPDATE locks the row until the transaction ends, and a transaction
        that fails gives its number back: no gaps. Take one sequence a transaction, else two writers can deadlock."""
        with transaction.atomic():
            row = cls.objects.filter(name=name)
            if not row.update(last=F("last") + 1):
                cls.objects.get_or_create(name=name)
                row.update(last=F("last") + 1)
            return row.values_list("last", flat=True).get()

    @classmethod
    def latest(cls, name: str) -> int:
        """The last number that is committed, 0 before the first."""
        return cls.objects.filter(name=name).values_list("last", flat=True).first() or 0
