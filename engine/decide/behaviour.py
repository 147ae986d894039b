"""What the engine keeps of everyone from what they did: every schema has these attributes of the customer."""

WINDOWS_DAYS = (30, 90)
OF_PURCHASES = ("frequency", "monetary", "couponed")
NAMES = (
    *(f"{name}_{days}d" for name in OF_PURCHASES for days in WINDOWS_DAYS),
    *(f"{name}_total" for name in OF_PURCHASES),
    "discount_total",
    "mean_basket",
    "recency_days",
    "tenure_days",
    "contacts_90d",
    "contacts_total",
    "redemptions_total",
    "responses_total",
    "response_rate",
    "response_recency_days",
)
BEHAVIOUR = dict.fromkeys(NAMES, "double")
RESPONSES = frozenset({"click", "accept", "redemption"})  # outcomes that answer an exposure
DEALINGS = (
    "exposures_total",
    "exposures_30d",
    "responses_total",
    "responses_30d",
    "response_rate",
    "exposure_recency_days",
    "response_recency_days",
)
