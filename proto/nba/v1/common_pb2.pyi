from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Value(_message.Message):
    __slots__ = ("int_value", "double_value", "string_value", "bool_value", "list_value", "map_value")
    INT_VALUE_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_VALUE_FIELD_NUMBER: _ClassVar[int]
    STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
    BOOL_VALUE_FIELD_NUMBER: _ClassVar[int]
    LIST_VALUE_FIELD_NUMBER: _ClassVar[int]
    MAP_VALUE_FIELD_NUMBER: _ClassVar[int]
    int_value: int
    double_value: float
    string_value: str
    bool_value: bool
    list_value: ListValue
    map_value: MapValue
    def __init__(self, int_value: _Optional[int] = ..., double_value: _Optional[float] = ..., string_value: _Optional[str] = ..., bool_value: _Optional[bool] = ..., list_value: _Optional[_Union[ListValue, _Mapping]] = ..., map_value: _Optional[_Union[MapValue, _Mapping]] = ...) -> None: ...

class ListValue(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class MapValue(_message.Message):
    __slots__ = ("entries",)
    class EntriesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Value, _Mapping]] = ...) -> None: ...
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.MessageMap[str, Value]
    def __init__(self, entries: _Optional[_Mapping[str, Value]] = ...) -> None: ...

class Consent(_message.Message):
    __slots__ = ("purpose", "channel", "granted", "source", "at_ms", "basis", "expires_at_ms", "said_as")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    SAID_AS_FIELD_NUMBER: _ClassVar[int]
    purpose: str
    channel: str
    granted: bool
    source: str
    at_ms: int
    basis: str
    expires_at_ms: int
    said_as: str
    def __init__(self, purpose: _Optional[str] = ..., channel: _Optional[str] = ..., granted: _Optional[bool] = ..., source: _Optional[str] = ..., at_ms: _Optional[int] = ..., basis: _Optional[str] = ..., expires_at_ms: _Optional[int] = ..., said_as: _Optional[str] = ...) -> None: ...

class Preferences(_message.Message):
    __slots__ = ("topics_off", "less", "snoozed_until_ms", "at_most_a_week", "channel", "hours")
    class LessEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    TOPICS_OFF_FIELD_NUMBER: _ClassVar[int]
    LESS_FIELD_NUMBER: _ClassVar[int]
    SNOOZED_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    AT_MOST_A_WEEK_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    HOURS_FIELD_NUMBER: _ClassVar[int]
    topics_off: _containers.RepeatedScalarFieldContainer[str]
    less: _containers.ScalarMap[str, int]
    snoozed_until_ms: int
    at_most_a_week: int
    channel: str
    hours: Hours
    def __init__(self, topics_off: _Optional[_Iterable[str]] = ..., less: _Optional[_Mapping[str, int]] = ..., snoozed_until_ms: _Optional[int] = ..., at_most_a_week: _Optional[int] = ..., channel: _Optional[str] = ..., hours: _Optional[_Union[Hours, _Mapping]] = ...) -> None: ...

class Hours(_message.Message):
    __slots__ = ("from_minute", "to_minute")
    FROM_MINUTE_FIELD_NUMBER: _ClassVar[int]
    TO_MINUTE_FIELD_NUMBER: _ClassVar[int]
    from_minute: int
    to_minute: int
    def __init__(self, from_minute: _Optional[int] = ..., to_minute: _Optional[int] = ...) -> None: ...
