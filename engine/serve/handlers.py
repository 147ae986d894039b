"""From bytes to a status: every call of every service goes through here, and so does everything that can go wrong."""

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from engine.customer.record import RecordError
from engine.serve.wire import FieldError
from engine.store.protocol import StoreError, StoreFullError

Method = Callable[[Any, grpc.ServicerContext], Message]
# Nothing fails open: without the record there is no decision, only a status that says why.
STATUS_OF = {
    StoreFullError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    StoreError: grpc.StatusCode.UNAVAILABLE,
    RecordError: grpc.StatusCode.DATA_LOSS,
    OSError: grpc.StatusCode.UNAVAILABLE,
}
LOWER = tuple(STATUS_OF)


def handler(service: ServiceDescriptor, servicer: object) -> grpc.GenericRpcHandler:
    """One service's methods, parsed and guarded here.

    Args:
        service: the contract.
        servicer: has a method of each name.
    """
    methods = {
        method.name: grpc.unary_unary_rpc_method_handler(
            _guarded(GetMessageClass(method.input_type), getattr(servicer, method.name)),
            request_deserializer=None,  # parsed by us: the library answers INTERNAL where bytes are no message
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )
        for method in service.methods
    }
    return grpc.method_handlers_generic_handler(service.full_name, methods)


def _guarded(kind: Callable[[], Message], method: Method) -> Callable[[bytes, grpc.ServicerContext], Message]:
    def call(data: bytes, context: grpc.ServicerContext) -> Message:
        try:
            request = kind()
            request.ParseFromString(data)
            return method(request, context)
        except DecodeError as error:
            _refuse(context, FieldError("", f"is no {kind.__name__}: {error}"))
        except FieldError as error:
            _refuse(context, error)
        except LOWER as error:
            context.abort(_status(type(error)), f"{type(error).__name__}: {str(error)[:500]}")
        raise AssertionError  # both of them raise

    return call


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
