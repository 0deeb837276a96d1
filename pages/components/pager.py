"""Pages of a long list: a drop-down that names the items of each page."""

from pages.languages import _

PAGE_SIZE = 50


def pager_choices(total: int) -> list[tuple[str, int]]:
    """Labels with page numbers: `1 to 50 of 387`, `51 to 100 of 387`…"""
    pages = max(1, -(-total // PAGE_SIZE))
    return [
        (
            _(
                "{first} to {last} of {total}",
                first=f"{PAGE_SIZE * page + 1:,}",
                last=f"{min(total, PAGE_SIZE * (page + 1)):,}",
                total=f"{total:,}",
            ),
            page + 1,
        )
        for page in range(pages)
    ]
