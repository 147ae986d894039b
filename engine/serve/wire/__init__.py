"""Messages to plain values and back; the only place, beside the services, that knows the generated messages."""

from engine.serve.wire.read import Reader
from engine.serve.wire.write import write_record, write_reserved, write_response, write_value

__all__ = ["Reader", "write_record", "write_reserved", "write_response", "write_value"]
