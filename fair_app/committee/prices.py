"""What a teacher's tokens cost. An unknown price is None, never 0.

The table is that of the package genai-prices, which carries its data with it: nothing is fetched.
It is imported when a price is first looked up, since that takes some 0.15 s.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from fair_app.committee.base import TeacherSpec
from fair_app.errors import BadInput

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation, TieredPrices

BATCH_SHARE = 0.5
"""What a call in a provider's batch costs of the direct one, at all three providers."""

_TABLE_NAMES = {"openai": "openai", "gemini": "google", "mistral": "mistral"}


@dataclass(frozen=True)
class Listed:
    """Where a price stands in genai-prices, whose tiers and dates `cost` then follows."""

    provider: str
    model: str
    batch: bool


@dataclass(frozen=True)
class Price:
    """USD for a million tokens and who says so; of a listed one with tiers, the lowest tier."""

    input_usd_per_million: float
    output_usd_per_million: float
    source: str
    listed: Listed | None = None


def price_of(spec: TeacherSpec, *, batch: bool = False, at: datetime | None = None) -> Price | None:
    """The price of a teacher's tokens at a time (now, when none is given), None when unknown.

    The user's own price comes first. Offline and local teachers are free. Others are looked up:
    at the provider itself, or by `base_url` when the table knows whose address that is; a price
    known at one provider says nothing about the same model at another. `batch` asks for the price
    within a provider's batch.

    Raises BadInput when only one of the user's two prices is given.
    """
    own = (spec.usd_per_million_input, spec.usd_per_million_output)
    if own[0] is not None and own[1] is not None:
        share = BATCH_SHARE if batch else 1.0
        return Price(own[0] * share, own[1] * share, "your own price")
    if own != (None, None):
        raise BadInput(
            f"teacher '{spec.name}': give usd_per_million_input and usd_per_million_output "
            "together, or neither of them"
        )
    if spec.provider == "offline":
        return Price(0.0, 0.0, "free: rule-based, nothing is sent")
    if spec.provider == "local":
        return Price(0.0, 0.0, "free: runs on this machine")
    return _listed_price(spec, batch, at)


def cost(
    price: Price | None,
    input_tokens: int | None,
    output_tokens: int | None,
    *,
    at: datetime | None = None,
) -> float | None:
    """What a call with these tokens costs, in USD; None when the price or a count is unknown."""
    if price is None or input_tokens is None or output_tokens is None:
        return None
    if price.listed is not None:
        return float(_calculate(price.listed, input_tokens, output_tokens, at).total_price)
    usd = input_tokens * price.input_usd_per_million + output_tokens * price.output_usd_per_million
    return usd / 1_000_000


def _listed_price(spec: TeacherSpec, batch: bool, at: datetime | None) -> Price | None:
    # Google's own names of models may begin with the collection they are in.
    model = spec.model.removeprefix("models/")
    try:
        listed = Listed(_table_provider(spec, model), model, batch)
        found = _calculate(listed, 0, 0, at)
    except LookupError:
        return None
    # Without both, the model is billed in other units (pages, minutes) or the table has a gap.
    if found.model_price.input_mtok is None or found.model_price.output_mtok is None:
        return None
    return Price(
        _lowest_tier(found.model_price.input_mtok),
        _lowest_tier(found.model_price.output_mtok),
        f"genai-prices: {found.provider.id} {found.model.id}",
        listed,
    )


def _lowest_tier(price: "Decimal | TieredPrices") -> float:
    from genai_prices.types import TieredPrices

    return float(price.base if isinstance(price, TieredPrices) else price)


def _table_provider(spec: TeacherSpec, model: str) -> str:
    """Whom the table would bill for a teacher. Raises LookupError when it knows nobody."""
    if spec.base_url is None:
        return _TABLE_NAMES[spec.provider]
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=0, output_tokens=0)
    return str(calc_price(usage, model, provider_api_url=spec.base_url).provider.id)


def _calculate(
    listed: Listed, input_tokens: int, output_tokens: int, at: datetime | None
) -> "PriceCalculation":
    from genai_prices import Usage, calc_price

    return calc_price(
        Usage(input_tokens=input_tokens, output_tokens=output_tokens),
        listed.model,
        provider_id=listed.provider,
        genai_request_timestamp=at,
        price_context={"processing": "batch"} if listed.batch else None,
    )
