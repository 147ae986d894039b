"""Consent that arrives from outside: IAB's strings and Global Privacy Control."""

from engine.customer.privacy.signals import NO_SIGNALS, Signals

__all__ = ["NO_SIGNALS", "Signals"]
