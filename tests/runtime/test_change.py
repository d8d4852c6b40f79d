"""change: what a deployment changes, shown without secrets."""

from twinpool.settings.change import change, show


def test_an_equal_value_is_no_change() -> None:
    assert change("DEBUG", False, False, "why") == []


def test_a_secret_setting_and_passwords_in_urls_are_masked() -> None:
    (one,) = change("SECRET_KEY", "old-key", "new-key", "why")
    assert (one.project, one.effective, one.new) == ("'***'", "'***'", "new-key")
    assert show(["redis://:hunter2@redis:6379/0"]) == "['redis://:***@redis:6379/0']"
    assert "hunter2" not in repr(change("X", {}, {"a": {"PASSWORD": "hunter2"}}, "why"))


def test_of_a_mapping_only_the_entries_that_differ_are_shown() -> None:
    old = {"default": {"ENGINE": "postgresql", "HOST": "mine", "OPTIONS": {"sslmode": "require"}}}
    new = {"default": {"ENGINE": "postgresql", "HOST": "db", "PORT": "1", "OPTIONS": {"sslmode": "require"}}}
    (one,) = change("DATABASES", old, new, "why")
    assert one.project == "default.HOST: 'mine'\ndefault.PORT: (not set)"
    assert one.effective == "default.HOST: 'db'\ndefault.PORT: '1'"


def test_of_a_list_that_grew_only_the_new_entries_are_shown() -> None:
    (one,) = change("MIDDLEWARE", ["a", "b", "c"], ["a", "b", "c", "d"], "why")
    assert (one.project, one.effective) == ("3 entries", "and last 'd'")
