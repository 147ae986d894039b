"""People as obvious lists of what was said and what happened, read again for every question."""

from engine.customer.record import Consent, Interaction, Record
from engine.customer.said import _ENCODER  # how equal moments and sources are told apart is no question of truth


class People:
    """Keeps every fact; forgets those of a person who is erased."""

    def __init__(self):
        self.links = []  # (id, id, at_ms)
        self.happened = {}  # (id, key) -> interaction
        self.consents = []  # (id, consent)
        self.fields = []  # (id, name, at_ms, source, value)
        self.seen = set()

    def link(self, one, other, at_ms):
        self.links.append((one, other, at_ms))
        self.seen |= {one, other}

    def happen(self, interaction: Interaction):
        place = interaction.customer_id, interaction.key
        if place in self.happened:
            return "duplicate"
        self.happened[place] = interaction
        self.seen.add(interaction.customer_id)
        if interaction.also_known_as:
            self.link(interaction.customer_id, interaction.also_known_as, interaction.at_ms)
        return "recorded"

    def consent(self, name, consent: Consent):
        self.consents.append((name, consent))
        self.seen.add(name)

    def put(self, record: Record):
        self.seen.add(record.customer_id)
        for consent in record.consents:
            self.consent(record.customer_id, consent)
        for origin in record.origins:
            for field in origin.fields:
                value = record.time_zone if field == "time_zone" else record.attributes[field]
                self.fields.append((record.customer_id, field, origin.at_ms, origin.source, value))

    def erase(self, name):
        gone = self.ids(name) if name in self.seen else []
        self.links = [each for each in self.links if each[0] not in gone]
        self.happened = {place: each for place, each in self.happened.items() if place[0] not in gone}
        self.consents = [each for each in self.consents if each[0] not in gone]
        self.fields = [each for each in self.fields if each[0] not in gone]
        self.seen -= set(gone)
        return gone

    def ids(self, name, until_ms=None):
        """Every id that links lead to; those known by a moment, if one is given."""
        found = {name}
        for _ in self.links:
            for one, other, at_ms in self.links:
                if (one in found or other in found) and (until_ms is None or at_ms <= until_ms):
                    found |= {one, other}
        return sorted(found)

    def canonical(self, name):
        for prefix in ("", "email:", "device:", "cookie:"):
            for each in self.ids(name):
                if each.startswith(prefix) and (prefix or ":" not in each):
                    return each
        raise AssertionError

    def story(self, name):
        """When and what."""
        every = [each for place, each in self.happened.items() if place[0] in self.ids(name)]
        return sorted((each.at_ms, each.kind, each.action_key) for each in every)

    def attributes(self, name):
        held = {}
        for owner, field, at_ms, source, value in self.fields:
            weight = at_ms, source, _ENCODER.encode(value)
            if owner in self.ids(name) and (field not in held or held[field][0] < weight):
                held[field] = weight, value
        return {field: value for field, (_, value) in held.items()}

    def allows(self, name, purpose, channel, now_ms):
        verdicts = []
        parts = purpose.split(".")
        for depth in range(1, len(parts) + 1):
            standing = self.standing(name, ".".join(parts[:depth]), ("", channel))
            if any(not consent.granted for consent in standing):
                verdicts.append(False)
            elif standing and all(consent.expires_ms == 0 or consent.expires_ms > now_ms for consent in standing):
                verdicts.append(True)
        return bool(verdicts) and all(verdicts)

    def suppressed(self, name):
        found = set()
        for channel in ("", "email", "web"):
            if any(not consent.granted for consent in self.standing(name, "*", (channel,))):
                found.add(channel)
        return found

    def standing(self, name, purpose, channels):
        """Statements that no later one replaces: one under the same id, or said when both ids were one already."""
        said = []
        for owner, consent in self.consents:
            if owner in self.ids(name) and consent.purpose == purpose and consent.channel in channels:
                said.append((owner, consent))
        kept = []
        for owner, consent in said:
            replaced = False
            for other, later in said:
                if later.at_ms > consent.at_ms:
                    # A word in the very millisecond of the link is not after it.
                    replaced = replaced or other == owner or other in self.ids(owner, later.at_ms - 1)
            if not replaced:
                kept.append(consent)
        return kept
