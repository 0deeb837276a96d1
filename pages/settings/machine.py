"""The machine: its disk by kind, its memory, and who holds the device."""

from collections.abc import Iterable

from fair_app.jobs.kinds import KINDS
from fair_app.settings import Settings
from fair_app.student.check import size
from fair_app.studio import admin
from fair_app.studio.projects import all_projects
from pages.components.markup import ago, text
from pages.languages import _

MB = 10**6


def machine(settings: Settings) -> str:
    """What the server has, as it is now."""
    return (
        f'<div class="machine"><section>{_disk(admin.disk(settings))}</section>'
        f"<section>{_memory(admin.memories())}{_device(settings)}</section></div>"
    )


def amount(number: int) -> str:
    """Bytes the way people read them: `0 MB`, `< 1 MB`, `270 MB`, `13.5 GB`."""
    if number < MB:
        return "< 1 MB" if number else "0 MB"
    return size(number)


def bars(rows: Iterable[tuple[str, float, str]], label: str) -> str:
    """A row each: what it is, how long its bar is (0 to 1), and its number in words."""
    body = "".join(
        f'<li><span class="name">{text(name)}</span>'
        f'<span class="track"><i style="width:{100 * min(1.0, share):.1f}%"></i></span>'
        f'<span class="value">{text(value)}</span></li>'
        for name, share, value in rows
    )
    return f'<ul class="bars" aria-label="{text(label)}">{body}</ul>'


def _disk(found: admin.Disk) -> str:
    most = max([*found.kinds.values(), 1])
    shown = sorted(found.kinds.items(), key=lambda one: -one[1])
    rows = [(_(name), number / most, amount(number)) for name, number in shown]
    free = _("{free} of {size} are free.", free=amount(found.free), size=amount(found.size))
    title = _("Disk")
    return f'<h3>{text(title)}</h3>{bars(rows, title)}<p class="how">{text(free)}</p>'


def _memory(found: list[admin.Memory]) -> str:
    rows = [
        (
            _(one.name),
            one.used / max(1, one.size),
            _("{used} of {size}", used=amount(one.used), size=amount(one.size)),
        )
        for one in found
    ]
    return f"<h3>{text(_('Memory in use'))}</h3>{bars(rows, _('Memory in use'))}"


def _device(settings: Settings) -> str:
    job = admin.holder(settings)
    if job is None:
        said = _("No job holds it: the next one that computes starts at once.")
    else:
        names = {one.id: one.name for one in all_projects(settings)}
        said = _(
            "Job {job} holds it: {title} of {project}, started {moment}.",
            job=job.id,
            title=_(KINDS[job.kind].title),
            project=names.get(job.project_id or 0, "–"),
            moment=ago(job.started_at or job.created_at),
        )
    return f'<h3>{text(_("The device"))}</h3><p class="held">{text(said)}</p>'
