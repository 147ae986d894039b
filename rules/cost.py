"""How much work an expression can cause, known before it runs."""

from rules.tree import Call, Const, Entries, Fold, Items, Local, Name, Node, children

ENTRIES = 256  # a list or map attribute holds at most so many; the wire refuses more
WORK = 65_536


def work(node: Node) -> int:
    """Steps an evaluation takes at most: nodes, those inside a loop once for each item."""
    if isinstance(node, Fold):
        once = work(node.going) + work(node.step)
        return 1 + work(node.range) + work(node.start) + bound(node.range) * once + work(node.result)
    return 1 + sum(map(work, children(node)))


def bound(node: Node) -> int:
    """How many items a list or map has at most."""
    match node:
        case Items(items):
            return len(items)
        case Entries(keys, _):
            return len(keys)
        case Name():
            return ENTRIES
        case Const():
            return 0
        case Local(name) if name.startswith("@"):
            return 0  # what a loop carries starts empty; its growth is counted step by step
        case Call("add_list", (left, right)):
            return bound(left) + bound(right)
        case Call("conditional", (_, then, other)):
            return max(bound(then), bound(other))
        case Fold():
            return bound(node.range) * max(1, bound(node.step))
        case _:
            return ENTRIES
