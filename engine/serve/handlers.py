"""From bytes to a status: every call of every service goes through here, and so does everything that can go wrong."""

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from engine.customer.checks import FieldError
from engine.customer.record import RecordError
from engine.journal.protocol import JournalFullError
from engine.serve.metrics import Counting, Metrics
from engine.serve.watches import WATCHES
from engine.store.protocol import StoreError, StoreFullError

Method = Callable[[Any, grpc.ServicerContext], Any]  # a message, or an iterator of them
# Nothing fails open: without the record there is no decision, only a status that says why.
STATUS_OF: dict[type[Exception], grpc.StatusCode] = {
    StoreFullError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    StoreError: grpc.StatusCode.UNAVAILABLE,
    RecordError: grpc.StatusCode.DATA_LOSS,
    JournalFullError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    OSError: grpc.StatusCode.UNAVAILABLE,
}
GUARDED: tuple[type[Exception], ...] = (FieldError, *STATUS_OF)


def handler(service: ServiceDescriptor, servicer: object, metrics: Metrics) -> grpc.GenericRpcHandler:
    """One service's methods, parsed, guarded and counted here.

    Args:
        service: the contract.
        servicer: has a method of each name.
        metrics: where calls are counted.
    """
    methods = {each.name: _handler(each, metrics.counting(each.name), servicer) for each in service.methods}
    return grpc.method_handlers_generic_handler(service.full_name, methods)


def _handler(method: MethodDescriptor, count: Counting, servicer: object) -> grpc.RpcMethodHandler:
    kind, call = GetMessageClass(method.input_type), getattr(servicer, method.name)
    # Bytes are parsed by us: the library answers INTERNAL where they are no message.
    codec = {
        "request_deserializer": None,
        "response_serializer": GetMessageClass(method.output_type).SerializeToString,
    }
    if method.server_streaming:
        return grpc.unary_stream_rpc_method_handler(_streamed(_one_of(kind), call, count), **codec)
    if method.client_streaming:
        return grpc.stream_unary_rpc_method_handler(_guarded(_stream_of(kind), call, count), **codec)
    return grpc.unary_unary_rpc_method_handler(_guarded(_one_of(kind), call, count), **codec)


def _one_of(kind: type[Message]) -> Callable[[bytes], Message]:
    def parse(data: bytes) -> Message:
        message = kind()
        try:
            message.ParseFromString(data)
        except DecodeError as error:
            raise FieldError("", f"is no {kind.__name__}: {error}") from error
        return message

    return parse


def _stream_of(kind: type[Message]) -> Callable[[Iterable[bytes]], Iterator[Message]]:
    """Each message is parsed when it is read, so that what came before a bad one is counted."""
    return partial(map, _one_of(kind))


def _guarded(parse: Callable[[Any], Any], method: Method, count: Counting) -> Method:
    def call(data: bytes | Iterable[bytes], context: grpc.ServicerContext) -> Any:
        began_ns = count.began()
        try:
            return method(parse(data), context)
        except GUARDED as error:
            _fail(context, error)
        finally:
            count.ended(began_ns, _ended(context))

    return call


def _streamed(parse: Callable[[Any], Any], method: Method, count: Counting) -> Method:
    def call(data: bytes, context: grpc.ServicerContext) -> Iterator[Message]:
        began_ns = count.began()
        try:
            yield from method(parse(data), context)
        except GUARDED as error:
            _fail(context, error)
        finally:
            count.ended(began_ns, _ended(context))

    # A stream of answers holds a thread as long as it lasts: never one of those that decide. One more says "too many".
    call.experimental_thread_pool = ThreadPoolExecutor(WATCHES + 1)  # type: ignore[attr-defined]  # as gRPC's health has it
    return call


def _ended(context: grpc.ServicerContext) -> grpc.StatusCode:
    """How the call ends, to be asked while it does: of what is caught nowhere, the library makes UNKNOWN later."""
    code: grpc.StatusCode | None = context.code()
    if code is None and not context.is_active():
        return grpc.StatusCode.CANCELLED
    return code or (grpc.StatusCode.UNKNOWN if sys.exception() else grpc.StatusCode.OK)


def _fail(context: grpc.ServicerContext, error: Exception) -> NoReturn:
    """End the call with what went wrong."""
    if isinstance(error, FieldError):
        _refuse(context, error)
    context.abort(_status(type(error)), f"{type(error).__name__}: {str(error)[:500]}")
    raise AssertionError  # abort always raises


def _status(kind: type) -> grpc.StatusCode:
    bases: Iterable[type] = kind.__mro__
    return next(STATUS_OF[base] for base in bases if base in STATUS_OF)


def _refuse(context: grpc.ServicerContext, error: FieldError) -> NoReturn:
    """End the call with INVALID_ARGUMENT and the field's path."""
    violation = error_details_pb2.BadRequest.FieldViolation(field=error.path, description=error.message)
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    status = status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message=str(error)[:1000], details=[detail])
    context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError  # abort_with_status always raises
