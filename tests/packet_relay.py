"""A relay between a debugger and a server, which leaves out what the server can do."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from blink16.packets import frame

XML = b"qXfer:features:read+;"


class WithoutXml:
    """Relays one client's connection, to a server that has no target description."""

    def __init__(self, port: int) -> None:
        """Listen; ``port``: the server's."""
        self._server = socket.create_connection(("127.0.0.1", port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sent = b""
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def asked(self, packet: bytes) -> bool:
        """Tell whether the client has sent a packet that begins so."""
        return b"$" + packet in self._sent

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()
        self._server.close()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        with client:
            back = threading.Thread(target=self._carry_answers, args=(client,), daemon=True)
            back.start()
            while data := client.recv(4096):
                self._sent += data
                self._server.sendall(data)
            with suppress(OSError):  # it has hung up first
                self._server.shutdown(socket.SHUT_RDWR)
            back.join()

    def _carry_answers(self, client: socket.socket) -> None:
        while data := self._server.recv(65536):
            if XML in data:
                begin, end = data.index(b"$"), data.index(b"#")
                body = data[begin + 1 : end].replace(XML, b"")
                data = data[:begin] + frame(body) + data[end + 3 :]
            client.sendall(data)
