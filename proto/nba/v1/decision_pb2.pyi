from nba.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExplainLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPLAIN_LEVEL_UNSPECIFIED: _ClassVar[ExplainLevel]
    EXPLAIN_LEVEL_NONE: _ClassVar[ExplainLevel]
    EXPLAIN_LEVEL_SUMMARY: _ClassVar[ExplainLevel]
    EXPLAIN_LEVEL_FULL: _ClassVar[ExplainLevel]
    EXPLAIN_LEVEL_WHAT_IF: _ClassVar[ExplainLevel]

class ReserveMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESERVE_MODE_UNSPECIFIED: _ClassVar[ReserveMode]
    RESERVE_MODE_YES: _ClassVar[ReserveMode]
    RESERVE_MODE_NO: _ClassVar[ReserveMode]
EXPLAIN_LEVEL_UNSPECIFIED: ExplainLevel
EXPLAIN_LEVEL_NONE: ExplainLevel
EXPLAIN_LEVEL_SUMMARY: ExplainLevel
EXPLAIN_LEVEL_FULL: ExplainLevel
EXPLAIN_LEVEL_WHAT_IF: ExplainLevel
RESERVE_MODE_UNSPECIFIED: ReserveMode
RESERVE_MODE_YES: ReserveMode
RESERVE_MODE_NO: ReserveMode

class Customer(_message.Message):
    __slots__ = ("id", "attributes", "consents", "time_zone", "privacy")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _common_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_common_pb2.Value, _Mapping]] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    PRIVACY_FIELD_NUMBER: _ClassVar[int]
    id: str
    attributes: _containers.MessageMap[str, _common_pb2.Value]
    consents: _containers.RepeatedCompositeFieldContainer[_common_pb2.Consent]
    time_zone: str
    privacy: Privacy
    def __init__(self, id: _Optional[str] = ..., attributes: _Optional[_Mapping[str, _common_pb2.Value]] = ..., consents: _Optional[_Iterable[_Union[_common_pb2.Consent, _Mapping]]] = ..., time_zone: _Optional[str] = ..., privacy: _Optional[_Union[Privacy, _Mapping]] = ...) -> None: ...

class Privacy(_message.Message):
    __slots__ = ("tcf", "gpp", "gpc")
    TCF_FIELD_NUMBER: _ClassVar[int]
    GPP_FIELD_NUMBER: _ClassVar[int]
    GPC_FIELD_NUMBER: _ClassVar[int]
    tcf: str
    gpp: str
    gpc: bool
    def __init__(self, tcf: _Optional[str] = ..., gpp: _Optional[str] = ..., gpc: _Optional[bool] = ...) -> None: ...

class ChannelRequest(_message.Message):
    __slots__ = ("channel", "placement", "limit", "reserve")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    RESERVE_FIELD_NUMBER: _ClassVar[int]
    channel: str
    placement: str
    limit: int
    reserve: ReserveMode
    def __init__(self, channel: _Optional[str] = ..., placement: _Optional[str] = ..., limit: _Optional[int] = ..., reserve: _Optional[_Union[ReserveMode, str]] = ...) -> None: ...

class InlineCandidate(_message.Message):
    __slots__ = ("action_key", "group", "objective", "purposes", "value", "attributes")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _common_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_common_pb2.Value, _Mapping]] = ...) -> None: ...
    ACTION_KEY_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    action_key: str
    group: str
    objective: str
    purposes: _containers.RepeatedScalarFieldContainer[str]
    value: float
    attributes: _containers.MessageMap[str, _common_pb2.Value]
    def __init__(self, action_key: _Optional[str] = ..., group: _Optional[str] = ..., objective: _Optional[str] = ..., purposes: _Optional[_Iterable[str]] = ..., value: _Optional[float] = ..., attributes: _Optional[_Mapping[str, _common_pb2.Value]] = ...) -> None: ...

class DecideRequest(_message.Message):
    __slots__ = ("request_id", "customer", "context", "channels", "action_keys", "inline_candidates", "explain", "now_ms", "seed", "budget_ms", "reserve_s", "min_revision")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _common_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_common_pb2.Value, _Mapping]] = ...) -> None: ...
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    ACTION_KEYS_FIELD_NUMBER: _ClassVar[int]
    INLINE_CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    NOW_MS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    BUDGET_MS_FIELD_NUMBER: _ClassVar[int]
    RESERVE_S_FIELD_NUMBER: _ClassVar[int]
    MIN_REVISION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    customer: Customer
    context: _containers.MessageMap[str, _common_pb2.Value]
    channels: _containers.RepeatedCompositeFieldContainer[ChannelRequest]
    action_keys: _containers.RepeatedScalarFieldContainer[str]
    inline_candidates: _containers.RepeatedCompositeFieldContainer[InlineCandidate]
    explain: ExplainLevel
    now_ms: int
    seed: int
    budget_ms: int
    reserve_s: int
    min_revision: int
    def __init__(self, request_id: _Optional[str] = ..., customer: _Optional[_Union[Customer, _Mapping]] = ..., context: _Optional[_Mapping[str, _common_pb2.Value]] = ..., channels: _Optional[_Iterable[_Union[ChannelRequest, _Mapping]]] = ..., action_keys: _Optional[_Iterable[str]] = ..., inline_candidates: _Optional[_Iterable[_Union[InlineCandidate, _Mapping]]] = ..., explain: _Optional[_Union[ExplainLevel, str]] = ..., now_ms: _Optional[int] = ..., seed: _Optional[int] = ..., budget_ms: _Optional[int] = ..., reserve_s: _Optional[int] = ..., min_revision: _Optional[int] = ...) -> None: ...

class RankedAction(_message.Message):
    __slots__ = ("rank", "action_key", "propensity", "value", "priority", "selection_probability", "message", "fallback", "lever", "weight", "components", "decisive_factor", "sensitivity", "model", "model_propensity", "maturity")
    RANK_FIELD_NUMBER: _ClassVar[int]
    ACTION_KEY_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    SELECTION_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    LEVER_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    DECISIVE_FACTOR_FIELD_NUMBER: _ClassVar[int]
    SENSITIVITY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    MATURITY_FIELD_NUMBER: _ClassVar[int]
    rank: int
    action_key: str
    propensity: float
    value: float
    priority: float
    selection_probability: float
    message: str
    fallback: bool
    lever: float
    weight: float
    components: _containers.RepeatedCompositeFieldContainer[ValueComponent]
    decisive_factor: str
    sensitivity: str
    model: str
    model_propensity: float
    maturity: float
    def __init__(self, rank: _Optional[int] = ..., action_key: _Optional[str] = ..., propensity: _Optional[float] = ..., value: _Optional[float] = ..., priority: _Optional[float] = ..., selection_probability: _Optional[float] = ..., message: _Optional[str] = ..., fallback: _Optional[bool] = ..., lever: _Optional[float] = ..., weight: _Optional[float] = ..., components: _Optional[_Iterable[_Union[ValueComponent, _Mapping]]] = ..., decisive_factor: _Optional[str] = ..., sensitivity: _Optional[str] = ..., model: _Optional[str] = ..., model_propensity: _Optional[float] = ..., maturity: _Optional[float] = ...) -> None: ...

class ValueComponent(_message.Message):
    __slots__ = ("name", "value", "capped")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    CAPPED_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    capped: bool
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., capped: _Optional[bool] = ...) -> None: ...

class ChannelAnswer(_message.Message):
    __slots__ = ("channel", "placement", "actions", "not_before_ms", "reserved_until_ms")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_MS_FIELD_NUMBER: _ClassVar[int]
    RESERVED_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    channel: str
    placement: str
    actions: _containers.RepeatedCompositeFieldContainer[RankedAction]
    not_before_ms: int
    reserved_until_ms: int
    def __init__(self, channel: _Optional[str] = ..., placement: _Optional[str] = ..., actions: _Optional[_Iterable[_Union[RankedAction, _Mapping]]] = ..., not_before_ms: _Optional[int] = ..., reserved_until_ms: _Optional[int] = ...) -> None: ...

class FunnelStage(_message.Message):
    __slots__ = ("stage", "rows")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    stage: str
    rows: int
    def __init__(self, stage: _Optional[str] = ..., rows: _Optional[int] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("action_key", "channel", "kind", "gate", "text", "rows", "saw", "change")
    class SawEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _common_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_common_pb2.Value, _Mapping]] = ...) -> None: ...
    ACTION_KEY_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    GATE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SAW_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    action_key: str
    channel: str
    kind: str
    gate: str
    text: str
    rows: int
    saw: _containers.MessageMap[str, _common_pb2.Value]
    change: str
    def __init__(self, action_key: _Optional[str] = ..., channel: _Optional[str] = ..., kind: _Optional[str] = ..., gate: _Optional[str] = ..., text: _Optional[str] = ..., rows: _Optional[int] = ..., saw: _Optional[_Mapping[str, _common_pb2.Value]] = ..., change: _Optional[str] = ...) -> None: ...

class DecideResponse(_message.Message):
    __slots__ = ("decision_id", "channels", "funnel", "degraded", "snapshot_version", "trace", "adaptive_version")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    FUNNEL_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_VERSION_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_VERSION_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    channels: _containers.RepeatedCompositeFieldContainer[ChannelAnswer]
    funnel: _containers.RepeatedCompositeFieldContainer[FunnelStage]
    degraded: _containers.RepeatedScalarFieldContainer[str]
    snapshot_version: str
    trace: _containers.RepeatedCompositeFieldContainer[Reason]
    adaptive_version: str
    def __init__(self, decision_id: _Optional[str] = ..., channels: _Optional[_Iterable[_Union[ChannelAnswer, _Mapping]]] = ..., funnel: _Optional[_Iterable[_Union[FunnelStage, _Mapping]]] = ..., degraded: _Optional[_Iterable[str]] = ..., snapshot_version: _Optional[str] = ..., trace: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., adaptive_version: _Optional[str] = ...) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ("customer_id", "decision_id")
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    decision_id: str
    def __init__(self, customer_id: _Optional[str] = ..., decision_id: _Optional[str] = ...) -> None: ...

class ReleaseResponse(_message.Message):
    __slots__ = ("released",)
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    released: int
    def __init__(self, released: _Optional[int] = ...) -> None: ...
