"""A client of HTTP/2 that checks nothing it sends."""

import ssl
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events

from .client import PATIENCE


@dataclass
class Answered:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def over_h2(sock: ssl.SSLSocket, *requests: tuple[list[tuple[str, str]], bytes]) -> list[Answered]:
    """Sends requests as streams of one connection and waits for all answers; a reset stream has status 0."""
    sock.settimeout(PATIENCE)
    config = h2.config.H2Configuration(
        header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False
    )
    state = h2.connection.H2Connection(config)
    state.initiate_connection()
    answers: dict[int, Answered] = {}
    for headers, body in requests:
        stream = state.get_next_available_stream_id()
        answers[stream] = Answered()
        state.send_headers(stream, headers, end_stream=not body)
        if body:
            state.send_data(stream, body, end_stream=True)
    sock.sendall(state.data_to_send())
    waiting = set(answers)
    while waiting:
        data = sock.recv(65536)
        if not data:
            break
        for event in state.receive_data(data):
            match event:
                case h2.events.ResponseReceived():
                    answers[event.stream_id].headers = {str(key): str(value) for key, value in event.headers}
                    answers[event.stream_id].status = int(answers[event.stream_id].headers[":status"])
                case h2.events.DataReceived():
                    answers[event.stream_id].body += event.data
                    state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded() | h2.events.StreamReset():
                    waiting.discard(event.stream_id)
                case h2.events.ConnectionTerminated():
                    waiting.clear()
        sock.sendall(state.data_to_send())
    return list(answers.values())
