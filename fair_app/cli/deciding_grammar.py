"""Which words of `decide` go together."""

from argparse import Namespace

from fair_app.errors import BadInput

GRADES = {"right": True, "wrong": False}
"""What a person may say of a student's answer, and the grade that it is."""

ONE = ("rationale", "question")
SUBJECTS = (*ONE, "answer", "queue")
ABOUT: dict[str, tuple[str, ...]] = {
    "accept": (*ONE, "queue"),
    "reject": (*ONE, "queue"),
    "reset": SUBJECTS,
    "edit": ONE,
    "restore": ONE,
    "favourite": ONE,
    "comment": ONE,
    "right": ("question", "answer"),
    "wrong": ("question", "answer"),
    "undo": (),
    "redo": (),
}
"""What each action may be about: the options that name it, of which one is given."""

NAMED = {
    "rationale": "--rationale ID",
    "question": "--question N",
    "answer": "--answer N",
    "queue": "--queue NAME",
}
PLACE = {
    "teacher": "goes with --question N, to say whose rationale",
    "text": "is for edit and comment",
    "text_file": "is for edit and comment",
    "reason": "is for a single item, and not for a favourite",
    "revision": "is that of one rationale, or of the question with a favourite",
    "search": "goes with --queue NAME",
    "yes": "goes with --queue NAME",
    "over": "goes with `accept --queue NAME` and `reject --queue NAME`",
}


def check_decide(given: Namespace) -> None:
    """Raise BadInput, with one sentence that says what is missing or too much."""
    action = given.action
    subject = next((name for name in SUBJECTS if getattr(given, name) is not None), None)
    if subject not in (ABOUT[action] or (None,)):
        known = " or ".join(NAMED[name] for name in ABOUT[action]) or "no item: it has its own"
        raise BadInput(f"`decide {action}` is about {known}.")
    has_teacher = subject == "question" and action not in GRADES
    fits = {
        "teacher": has_teacher,
        "text": action in ("edit", "comment"),
        "text_file": action in ("edit", "comment"),
        "reason": subject not in (None, "queue") and action != "favourite",
        "revision": subject in ONE and action not in ("comment", *GRADES),
        "search": subject == "queue",
        "yes": subject == "queue",
        "over": subject == "queue" and action != "reset",
    }
    for name, place in PLACE.items():
        is_given = getattr(given, name) is not None and getattr(given, name) is not False
        if is_given and not fits[name]:
            raise BadInput(f"--{name.replace('_', '-')} {place}: not for this `decide {action}`.")
    if has_teacher and given.teacher is None:
        raise BadInput("--question N needs --teacher T here: whose rationale is it about?")
    if action == "edit" and given.text is None and given.text_file is None:
        raise BadInput("`decide edit` needs the new text: give --text or --text-file.")
