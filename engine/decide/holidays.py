"""Public holidays by country and region."""

from datetime import date
from functools import lru_cache

import holidays


def known_region(region: str) -> bool:
    """Whether `US` or `US-CA` names a country, or a region of one."""
    country, _, part = region.partition("-")
    listed = holidays.list_supported_countries()
    return country in listed and (not part or part in listed[country])


@lru_cache(maxsize=1_024)
def _days(region: str, year: int) -> frozenset[date]:
    country, _, part = region.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))


def is_holiday(region: str, day: date) -> bool:
    """Whether a day is a public holiday there."""
    return day in _days(region, day.year)
