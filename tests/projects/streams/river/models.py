from django.db import models


class Job(models.Model):
    channel = models.SlugField(default="main")
    done = models.BooleanField(default=False)

    def __str__(self):
        return f"job {self.pk} of {self.channel}"
