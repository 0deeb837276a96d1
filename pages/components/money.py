"""Amounts of money the way people read them."""

from pages.languages import _


def usd(amount: float) -> str:
    """USD with as many decimals as matter: `12.40 USD`, `0.0031 USD`, `0 USD`."""
    if amount == 0 or amount >= 1:
        return f"{amount:,.2f} USD" if amount else "0 USD"
    if amount < 0.0001:
        return _("under 0.0001 USD")
    decimals = 2 if amount >= 0.1 else 4
    return f"{amount:.{decimals}f} USD"


def usd_or_unknown(amount: float | None) -> str:
    """The same, and what is not known is said to be unknown."""
    return _("unknown") if amount is None else usd(amount)
