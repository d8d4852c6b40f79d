from django.db import models


class Entry(models.Model):
    text = models.CharField(max_length=200)
    written_by = models.CharField(max_length=10)  # the pool whose process wrote it
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "entries"

    def __str__(self):
        return self.text
