"""Settings: defaults, the environment, overrides, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from api.settings import ENV_PREFIX, Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the machine that runs the tests do not reach them."""
    for name in list(os.environ):
        if name.upper().startswith(ENV_PREFIX):
            monkeypatch.delenv(name)


def test_the_defaults_listen_on_this_machine_only() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.max_upload_mb) == ("127.0.0.1", 8000, 64)
    assert settings.model is None
    assert settings.data_dir.name == "studygpt"


def test_the_environment_sets_a_field(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STUDYGPT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STUDYGPT_PORT", "9001")
    settings = load_settings()
    assert (settings.data_dir, settings.port) == (tmp_path, 9001)


def test_host_names_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().allowed_hosts == ()
    monkeypatch.setenv("STUDYGPT_ALLOWED_HOSTS", "study.example, notes.example")
    assert load_settings().allowed_hosts == ("study.example", "notes.example")


def test_an_override_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDYGPT_PORT", "9001")
    assert load_settings(port=9002).port == 9002
    assert load_settings(port=None).port == 9001


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDYGPT_MODEL", "")
    assert load_settings().model is None


def test_an_unknown_variable_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDYGPT_PROT", "9001")
    with pytest.raises(SettingsError, match=r"STUDYGPT_PROT.*STUDYGPT_PORT"):
        load_settings()


def test_a_value_that_does_not_fit_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDYGPT_PORT", "many")
    with pytest.raises(SettingsError, match="STUDYGPT_PORT='many'"):
        load_settings()


def test_an_override_that_does_not_fit_is_named_as_given() -> None:
    with pytest.raises(SettingsError, match=r"^port=70000 does not fit"):
        load_settings(port=70000)


def test_the_home_shorthand_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings(data_dir="~/notes").data_dir == tmp_path / "notes"


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        load_settings().port = 1  # type: ignore[misc]


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
