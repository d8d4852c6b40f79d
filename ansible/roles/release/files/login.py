"""Makes the first admin of a local site, inside a container of the release; the password comes by standard input.

Prints the name to sign in with. Ends with 3 where there is nothing to do: no admin, or a user is there already.
"""

import os
import sys

from twinpool.project.loading import load

load()

from django.apps import apps  # noqa: E402 - Django is set up by now, and not before
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402

if not apps.is_installed("django.contrib.admin") or get_user_model()._default_manager.exists():
    sys.exit(3)
name = {"email": "admin@localhost"}.get(get_user_model().USERNAME_FIELD, "admin")
os.environ |= {
    f"DJANGO_SUPERUSER_{get_user_model().USERNAME_FIELD.upper()}": name,
    "DJANGO_SUPERUSER_EMAIL": "admin@localhost",
    "DJANGO_SUPERUSER_PASSWORD": sys.stdin.readline().strip(),
}
call_command("createsuperuser", interactive=False, verbosity=0)
print(name)
