"""glibc takes the settings; elsewhere nothing breaks."""

from __future__ import annotations

import platform
import sys

import pytest

from gpt.memory import keep_freed_memory


def test_glibc_takes_the_settings() -> None:
    if not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc has mallopt")
    assert keep_freed_memory() is True


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False
