"""A line that is right in the way its author meant it is never called wrong."""

import pytest

from fair_app.committee.equations import find_equations


def wrong(text: str) -> list[str]:
    return [text[slice(*equation.span)] for equation in find_equations(text) if not equation.holds]


@pytest.mark.parametrize(
    "text",
    [
        # a remainder, or rounded for a reason that is named
        "89/3 = 29 with a remainder of 2 days",
        "89 / 3 = 29, remainder 2",
        "50 stickers / 3 friends = 16 stickers for each friend, with 2 remaining",
        "607 pages / 3 = 203 (rounded up)",
        "607 pages / 3 = 202 full pages a day",
        "17/3 = 5 and 2/3 loads",
        "100 / 6= 16 and (2/3)",
        # rounded on the way
        "40 days - 162 bottles / 122 bottles per day = 40 days - 1.33 days",
        "610769 + (199664/3) = 610769 + 66555",
        "1/3 * 300 = 0.33 * 300",
        # said to be about right
        "2862 / 66 ≈ 43.3",
        "607 / 3 ≈ 200",
        "607 / 3 = about 205",
        # numbers that go on
        "7 / 2 = 3,5",
        "3,5 + 1 = 4,5",
        "50 + 30 minutes = 8:20",
        "he came at 7:50 + 30 minutes = 80 too late",
        "3 * 1000 = 3000,00",
        "1091 * 28 = $30548,00",
        "12 x 1 and 1/4 = 15",
        # a fraction divides, or stands for a part
        "25 / 1/3 = 75 decorations",
        "14 / 1 / 4 = 14 * 4",
        "1/3 of Solomon = 66/3",
        # percents for hundredths
        "3 bobby pins / 21 decorations * 100% = 14.29",
        "$7500/75% = $100",
        # letters that are variables, words that are no units
        "2L + 8 = 22",
        "2g + 80 - 4g = 70",
        "X = 9 because - 18/-2 = 9",
        "He can buy 17 pounds because20-3 = 17",
        "512 + 471 + 808 = Total visitors over 89 days",
        # what is weighed and what is poured
        "1/2 a cup = 4 ounces",
        "from Weeks 1-2 = 96 - 70",
    ],
)
def test_what_may_be_meant_otherwise_is_not_called_wrong(text: str) -> None:
    assert wrong(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("87 ÷ 93 ≈ 0.92, which is less than one", "87 ÷ 93 ≈ 0.92"),
        ("7.85 × 71 × 57 ≈ 31,567", "7.85 × 71 × 57 ≈ 31,567"),
        ("the tree had to begin with 8-7=11 apples", "8-7=11"),
        ("multiply this by 23:\n949 * 23 = 21,727\n\nSo, roughly", "949 * 23 = 21,727"),
        ("607 / 3 = 205 pages per chapter", "607 / 3 = 205"),
        ("569 / 22 = 25", "569 / 22 = 25"),
        ("25 + (32 - 25) = 25 + 9 = 34", "25 + (32 - 25) = 25 + 9"),
        ("In 2020, 4 + 5 = 8", "4 + 5 = 8"),
        ("100 + 200 = 100 + 201", "100 + 200 = 100 + 201"),
        ("5 / 0 = 0 with a remainder of 5", "5 / 0 = 0"),
        ("he has 13 - 91 = 42 cakes left", "13 - 91 = 42"),
        ("4 cakes * 30 = 130 over 2 days", "4 cakes * 30 = 130"),
    ],
)
def test_what_is_wrong_in_every_reading_is_called_so(text: str, found: str) -> None:
    assert wrong(text) == [found]
