"""Where the service listens; what it does then is told in `test_app`."""

from __future__ import annotations

import pytest

from api.server import ServerError, address, listen
from api.settings import Settings


def test_port_0_means_a_free_one_and_the_address_names_it() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert listener.getsockname()[1] > 0


def test_a_service_on_every_address_is_shown_as_localhost() -> None:
    with listen("0.0.0.0", 0) as listener:
        assert address(listener).startswith("http://localhost:")


def test_a_port_in_use_is_named_with_the_remedy_before_anything_is_loaded(settings: Settings) -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ServerError, match=rf"127\.0\.0\.1:{port} .*--port"):
            listen("127.0.0.1", port)
    assert not settings.data_dir.exists()


def test_a_host_that_is_no_address_of_this_machine_is_named() -> None:
    with pytest.raises(ServerError, match=r"no-such-host\.invalid"):
        listen("no-such-host.invalid", 0)
