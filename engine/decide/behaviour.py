"""The kinds of interactions that the engine itself understands; any other kind is kept and counted by its name."""

RESPONSES = frozenset({"click", "accept", "redemption"})  # outcomes that answer an exposure
MEASURES = {
    "exposures": frozenset({"exposure"}),
    "responses": RESPONSES,
    "views": frozenset({"page_view", "view"}),
    "contributions": frozenset({"review", "referral", "share"}),  # what people bring in themselves
}
BASKET = "basket"
OURS = frozenset({"exposure", "sent", "delivered"})  # what we do, and not the person
PROMISED = tuple(sorted({*OURS, "decided"}))  # what a proposal leads to if all goes well: a reservation stands for it
KNOWN = frozenset({"purchase", BASKET, "complaint", "dismiss", "unsubscribe"}).union(OURS, *MEASURES.values())
DEALINGS = (
    "exposures_total",
    "exposures_30d",
    "responses_total",
    "responses_30d",
    "response_rate",
    "exposure_recency_days",
    "response_recency_days",
)
