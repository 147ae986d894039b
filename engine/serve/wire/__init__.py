"""Messages to plain values and back; the only place, beside the services, that knows the generated messages."""

from engine.serve.wire.read import FieldError, Reader
from engine.serve.wire.write import write_record, write_response, write_value

__all__ = ["FieldError", "Reader", "write_record", "write_response", "write_value"]
