"""The words of the synthetic bundle: schema, channels and about twenty policies over every kind of scope."""

CHANNELS = {"email": {"direction": "outbound"}, "web": {"direction": "inbound", "placements": ["home"]}}
OBJECTIVES = ("grow", "retain", "acquire", "serve")
GROUPS = 20
DEVICES = ("phone", "desktop", "tablet")
CUSTOMER = {"age": "int", "city": "string", "income": "double", "member": "bool", "risk": "double"}
REQUEST = {"device": "string"}
ACTION = {"margin": "double", "band": "int"}
BEHAVIOUR_READ = (
    "frequency_30d", "frequency_90d", "monetary_90d", "monetary_total", "mean_basket", "recency_days", "tenure_days",
    "contacts_90d", "responses_total", "response_rate",
)  # fmt: skip
Rule = dict[str, object]

# One condition for each of a few groups: cheap ones, as operators write them.
OF_GROUPS = (
    "customer.age >= 18",
    "customer.member",
    "customer.income > 20000.0",
    "customer.risk < 0.9",
    "customer.frequency_90d >= 1.0",
    'customer.city != "lyon" || customer.member',
    "customer.monetary_total > 500.0 && customer.age < 80",
    "customer.recency_days < 60.0",
)
OF_ROWS = ("action.margin > 0.05", "action.margin >= customer.risk / 4.0", "action.band < 4 || customer.member")


def policies(groups: list[str], objectives: list[str]) -> dict[str, list[Rule]]:
    """What `policies.yaml` says.

    Args:
        groups, objectives: names that the catalogue has; small catalogues have few.
    """
    by_group = [_rule(f"group rule {at}", when, group=groups[at % len(groups)]) for at, when in enumerate(OF_GROUPS)]
    by_row = [_rule(f"row rule {at}", when) for at, when in enumerate(OF_ROWS)]
    by_objective = [
        _rule(f"{objective} rule", f"customer.contacts_90d < {60 + at}.0", objective=objective)
        for at, objective in enumerate(objectives)
    ]
    by_channel = [_rule("no desktop mail", 'request.device != "desktop" || customer.age > 30', channel="email")]
    return {
        "eligibility": by_group,
        "applicability": [*by_objective, *by_channel],
        "suitability": by_row,
        "contact": _caps(),
        "cooldown": [{"name": "redeemed lately", "after": "redemption", "for": "30d", "per": "action"}],
    }


def _rule(name: str, when: str, **scope: str) -> Rule:
    return {"name": name, "scope": scope, "when": when}


def _caps() -> list[Rule]:
    return [
        {"name": "forty a quarter", "kind": "exposure", "at_most": 40, "within": "90d"},
        {"name": "ten mails a month", "kind": "exposure", "at_most": 10, "within": "30d", "scope": {"channel": "email"}},
        {"name": "three of a group a month", "kind": "exposure", "at_most": 3, "within": "30d", "per": "group"},
        {"name": "one of an action a week", "kind": "exposure", "at_most": 1, "within": "7d", "per": "action"},
    ]
