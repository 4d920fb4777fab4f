"""A session with a device: who it is, inferences, memory marks, reset."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import zlib
from collections.abc import Callable, Sequence
from types import TracebackType

from edgekit.errors import LinkError
from edgekit.link import messages, protocol
from edgekit.link.exchange import Exchange, Timing
from edgekit.link.fault import DeviceFaultError
from edgekit.link.protocol import Kind
from edgekit.link.rows import run
from edgekit.link.transports import Stream
from edgekit.link.types import Hello, Inference, LayerRecord, MemoryMarks, TensorInfo


class Session:
    """One host's conversation with one device, over a stream that the session owns from now on.

    timeout            seconds until a device that does not answer a command counts as gone
    infer_timeout      seconds that an inference may take, with the way of streamed rows over the link
    retry_interval     seconds until an unanswered command is sent again for the first time
    expected_build_id  16 hex digits; a device with another firmware is refused
    log                gets every byte that is not part of a frame, as a device's printf

    Every method either returns what the device computed, checked by CRC-32, or raises: LinkError "link.timeout",
    "link.lost", "link.reset", "link.build_mismatch", "link.protocol", "link.malformed", "link.input_size",
    "link.input_corrupt", "link.output_corrupt", "device.refused", "device.model_error", or DeviceFaultError
    ("device.fault").
    """

    def __init__(
        self,
        stream: Stream,
        *,
        timeout: float = 10.0,
        infer_timeout: float = 120.0,
        retry_interval: float = 0.25,
        expected_build_id: str | None = None,
        log: Callable[[bytes], None] | None = None,
    ) -> None:
        self._stream = stream
        self._exchange = Exchange(stream, Timing(timeout, infer_timeout, retry_interval), log)
        self._expected = expected_build_id.lower() if expected_build_id else None
        self._device: Hello | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the stream back. May be called again."""
        self._exchange.flush_log()
        self._stream.close()

    @property
    def retries(self) -> int:
        """How often a command had to be sent again: 0 on a clean link."""
        return self._exchange.retries

    @property
    def payload_limit(self) -> int:
        """The largest payload in use, in bytes; less than the negotiated one after frames got lost."""
        return self._exchange.limit

    def hello(self) -> Hello:
        """Open a session, under a new nonce, and say who answers. The other methods do it by themselves when needed."""
        self._device = None
        self._exchange.open(1 + secrets.randbelow(0xFFFFFFFF))
        reply = self._exchange.request(Kind.HELLO, messages.hello_command(protocol.MAX_PAYLOAD))
        device, n_inputs, n_outputs = messages.hello(reply)
        if self._expected is not None and device.build_id != self._expected:
            raise LinkError(
                "link.build_mismatch",
                f"the device runs build {device.build_id} (model {device.model}, board {device.board}), "
                f"expected is build {self._expected}",
                "flash the firmware that was built",
            )
        self._exchange.negotiated(min(device.max_payload, protocol.MAX_PAYLOAD))

        def tensors(output: bool, n: int) -> tuple[TensorInfo, ...]:
            commands = (messages.tensor_command(output, i) for i in range(n))
            return tuple(messages.tensor(self._exchange.request(Kind.TENSOR, command)) for command in commands)

        device = dataclasses.replace(device, inputs=tensors(False, n_inputs), outputs=tensors(True, n_outputs))
        self._device = device
        return device

    def infer(self, inputs: Sequence[bytes], on_layer: Callable[[LayerRecord], None] | None = None) -> Inference:
        """Run the model once. `inputs` holds each input's bytes as they are to lie in the device's memory; a streamed
        one is sent row by row while the model runs, and the rows of a streamed output come likewise. `on_layer` gets
        every layer's record as it arrives, after the inference."""
        device = self._connected()
        _check_sizes(inputs, device)
        self._exchange.request(Kind.BEGIN)
        crc, rows, row_bytes = 0, b"", 0
        for index, (data, tensor) in enumerate(zip(inputs, device.inputs, strict=True)):
            if tensor.streamed:
                rows, row_bytes = data, tensor.row_bytes
            else:
                self._write(index, data)
                crc = zlib.crc32(data, crc)
        left = next((tensor for tensor in device.outputs if tensor.streamed), None)
        ran = run(self._exchange, crc, rows, row_bytes, *((left.bytes, left.row_bytes) if left is not None else ()))
        reply = ran.reply
        layers = self._layers(reply.n_layers, on_layer)
        outputs = tuple(
            ran.output if tensor.streamed else self._read(index, tensor.bytes)
            for index, tensor in enumerate(device.outputs)
        )
        read = (data for data, tensor in zip(outputs, device.outputs, strict=True) if not tensor.streamed)
        if zlib.crc32(b"".join(read)) != reply.output_crc:
            raise LinkError(
                "link.output_corrupt",
                "the outputs changed between the inference and their reading: their CRC-32 differs",
                "the firmware writes where the model's outputs lie: its memory plan or its stack is broken",
            )
        return Inference(outputs, layers, reply.total_ticks)

    def memory(self) -> MemoryMarks:
        """How much stack was used since boot, and how much arena since the last inference began."""
        self._connected()
        return messages.memory(self._exchange.request(Kind.MEM))

    def reset(self) -> Hello:
        """Restart the firmware, also after a fault, and open a session with it."""
        if self._device is None:
            with contextlib.suppress(DeviceFaultError):  # that is what a reset is for
                self.hello()
        self._device = None
        self._exchange.request(Kind.RESET)
        return self.hello()

    def _connected(self) -> Hello:
        return self._device or self.hello()

    def _write(self, index: int, data: bytes) -> None:
        offset = 0
        while offset < len(data):

            def build(limit: int, offset: int = offset) -> bytes:
                end = offset + limit - messages.WRITE_OVERHEAD
                return messages.write_command(index, offset, data[offset:end])

            offset += len(self._exchange.request_sized(Kind.WRITE, build).asked) - messages.WRITE_OVERHEAD

    def _read(self, index: int, size: int) -> bytes:
        return self._exchange.fetch(Kind.READ, size, lambda offset, count: messages.read_command(index, offset, count))

    def _layers(self, n: int, on_layer: Callable[[LayerRecord], None] | None) -> tuple[LayerRecord, ...]:
        records: list[LayerRecord] = []
        while len(records) < n:

            def build(limit: int, first: int = len(records)) -> bytes:
                return messages.layers_command(first, min(limit // 4, n - first))

            answer = self._exchange.request_sized(Kind.LAYERS, build)
            for ticks in messages.layers(answer.payload, messages.count_asked(answer.asked)):
                records.append(LayerRecord(len(records), ticks))
                if on_layer is not None:
                    on_layer(records[-1])
        return tuple(records)


def _check_sizes(inputs: Sequence[bytes], device: Hello) -> None:
    sizes = [len(data) for data in inputs]
    wanted = [tensor.bytes for tensor in device.inputs]
    if sizes != wanted:
        raise LinkError(
            "link.input_size",
            f"inputs of {sizes} bytes for model {device.model}, which takes {wanted} bytes",
            "; ".join(f"{t.name}: {t.dtype.name.lower()} {list(t.shape)}" for t in device.inputs),
        )
