"""Conditions without their constants: what they have in common."""

from rules.tree import Call, Const, Items, Name, Node

Constants = tuple[object, ...]
KIND_OF_TYPE = {bool: "bool", int: "int", float: "double", str: "string"}


def template(node: Node) -> tuple[Node, Constants]:
    """The tree with each constant as an attribute of its own, `action.$0`, and the constants in that order."""
    constants: list[object] = []
    return _without(node, constants), tuple(constants)


def _without(node: Node, constants: list[object]) -> Node:
    match node:
        case Const(value) if type(value) in KIND_OF_TYPE:
            return _hole(value, KIND_OF_TYPE[type(value)], constants)
        case Call("in_list", (needle, Items(items))) if kind := _kind(items):
            inner = _without(needle, constants)
            values = [item.value for item in items if isinstance(item, Const)]
            return Call("in_list", (inner, _hole(values, f"list({kind})", constants)))
        case Call(overload, args):
            return Call(overload, tuple(_without(arg, constants) for arg in args))
        case _:
            return node


def _hole(value: object, kind: str, constants: list[object]) -> Name:
    constants.append(value)
    return Name(f"action.${len(constants) - 1}", kind)


def _kind(items: tuple[Node, ...]) -> str:
    """The one kind of constants in a list; empty when there are several or other things."""
    types = {type(item.value) if isinstance(item, Const) else object for item in items}
    return KIND_OF_TYPE.get(next(iter(types)), "") if len(types) == 1 else ""
