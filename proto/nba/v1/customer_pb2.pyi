from nba.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetRequest(_message.Message):
    __slots__ = ("customer_id",)
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    def __init__(self, customer_id: _Optional[str] = ...) -> None: ...

class GetResponse(_message.Message):
    __slots__ = ("customer_id", "attributes", "consents", "time_zone", "behaviour", "revision", "preferences", "values", "ids", "links")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _common_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_common_pb2.Value, _Mapping]] = ...) -> None: ...
    class BehaviourEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _common_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_common_pb2.Value, _Mapping]] = ...) -> None: ...
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    BEHAVIOUR_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    PREFERENCES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    attributes: _containers.MessageMap[str, _common_pb2.Value]
    consents: _containers.RepeatedCompositeFieldContainer[_common_pb2.Consent]
    time_zone: str
    behaviour: _containers.ScalarMap[str, float]
    revision: int
    preferences: _common_pb2.Preferences
    values: _containers.MessageMap[str, _common_pb2.Value]
    ids: _containers.RepeatedScalarFieldContainer[str]
    links: _containers.RepeatedCompositeFieldContainer[IdLink]
    def __init__(self, customer_id: _Optional[str] = ..., attributes: _Optional[_Mapping[str, _common_pb2.Value]] = ..., consents: _Optional[_Iterable[_Union[_common_pb2.Consent, _Mapping]]] = ..., time_zone: _Optional[str] = ..., behaviour: _Optional[_Mapping[str, float]] = ..., revision: _Optional[int] = ..., preferences: _Optional[_Union[_common_pb2.Preferences, _Mapping]] = ..., values: _Optional[_Mapping[str, _common_pb2.Value]] = ..., ids: _Optional[_Iterable[str]] = ..., links: _Optional[_Iterable[_Union[IdLink, _Mapping]]] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("customer_id",)
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    def __init__(self, customer_id: _Optional[str] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("record",)
    RECORD_FIELD_NUMBER: _ClassVar[int]
    record: GetResponse
    def __init__(self, record: _Optional[_Union[GetResponse, _Mapping]] = ...) -> None: ...

class IdLink(_message.Message):
    __slots__ = ("customer_id", "also_known_as", "at_ms", "source")
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    ALSO_KNOWN_AS_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    also_known_as: str
    at_ms: int
    source: str
    def __init__(self, customer_id: _Optional[str] = ..., also_known_as: _Optional[str] = ..., at_ms: _Optional[int] = ..., source: _Optional[str] = ...) -> None: ...

class LinkRequest(_message.Message):
    __slots__ = ("customer_id", "also_known_as", "at_ms", "source")
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    ALSO_KNOWN_AS_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    also_known_as: _containers.RepeatedScalarFieldContainer[str]
    at_ms: int
    source: str
    def __init__(self, customer_id: _Optional[str] = ..., also_known_as: _Optional[_Iterable[str]] = ..., at_ms: _Optional[int] = ..., source: _Optional[str] = ...) -> None: ...

class LinkResponse(_message.Message):
    __slots__ = ("customer_id", "revision", "ids")
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    revision: int
    ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, customer_id: _Optional[str] = ..., revision: _Optional[int] = ..., ids: _Optional[_Iterable[str]] = ...) -> None: ...

class SetPreferencesRequest(_message.Message):
    __slots__ = ("customer_id", "preferences")
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    PREFERENCES_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    preferences: _common_pb2.Preferences
    def __init__(self, customer_id: _Optional[str] = ..., preferences: _Optional[_Union[_common_pb2.Preferences, _Mapping]] = ...) -> None: ...

class SetPreferencesResponse(_message.Message):
    __slots__ = ("revision",)
    REVISION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    def __init__(self, revision: _Optional[int] = ...) -> None: ...

class SetConsentRequest(_message.Message):
    __slots__ = ("customer_id", "consent")
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    consent: _common_pb2.Consent
    def __init__(self, customer_id: _Optional[str] = ..., consent: _Optional[_Union[_common_pb2.Consent, _Mapping]] = ...) -> None: ...

class SetConsentResponse(_message.Message):
    __slots__ = ("revision",)
    REVISION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    def __init__(self, revision: _Optional[int] = ...) -> None: ...
