"""A person's decisions from the command line, and their log."""

from argparse import Namespace

from db.projects import Project
from fair_app.cli.deciding_grammar import GRADES, check_decide
from fair_app.cli.shown import Result, actor_of, limit_of, shown, written
from fair_app.curation.acceptance import RationaleRow
from fair_app.curation.board import Board, Incomplete
from fair_app.curation.decisions import State
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio import deciding, decision_log, projects, review
from fair_app.studio.board import board


def decide(settings: Settings, arguments: Namespace) -> Result:
    """A person's word on a rationale, a question, an answer or a whole queue; undo and redo."""
    check_decide(arguments)
    project = projects.open_project(settings, arguments.project)
    actor = actor_of(arguments)
    action = arguments.action
    if action in ("undo", "redo"):
        return _undo_or_redo(settings, project, action, actor)
    if arguments.queue is not None:
        return _decide_queue(settings, project, arguments, actor)
    if arguments.answer is not None or action in GRADES:
        return _grade(settings, project, arguments, actor)
    return _decide_one(settings, project, arguments, actor)


def decisions(settings: Settings, arguments: Namespace) -> Result:
    """The log of decisions: list the latest, or export all of it as JSON lines."""
    if arguments.action == "export":
        if arguments.output is None or arguments.limit is not None:
            raise BadInput("`decisions export` writes the whole log: name a file with --output.")
        project = projects.open_project(settings, arguments.project)
        count = decision_log.export_decisions(settings, project, arguments.output)
        return {"files": [str(arguments.output)], "decisions": count}
    if arguments.output is not None:
        raise BadInput("--output goes with `decisions export`.")
    limit = 20 if arguments.limit is None else limit_of(arguments.limit)
    project = projects.open_project(settings, arguments.project)
    log = decision_log.told(settings, project)
    latest = [entry.as_record() for entry in log[::-1][:limit]]
    return {"total": len(log), "decisions": latest}


def _decide_queue(settings: Settings, project: Project, arguments: Namespace, actor: str) -> Result:
    search = arguments.search or ""
    found = review.queue(settings, project, arguments.queue, actor, search)
    ids = [rationale for item in found.items for rationale in item.rationales]
    # A reset is about what persons decided; all else leaves that alone unless told otherwise.
    over = arguments.over or arguments.action == "reset"
    left = set() if over else _decided_on(found.board, ids)
    wanted = [one for one in ids if one not in left]
    changed = deciding.changed_by(found.board, wanted, arguments.action)
    result = {
        "action": arguments.action,
        "queue": found.name,
        "search": search,
        "questions": len(found.items),
        "rationales": len(ids),
        "left": len(left),
        "changes": len(changed),
        "decided": 0,
    }
    if arguments.yes:
        result["decided"] = deciding.decide_all(
            settings, project, wanted, arguments.action, actor=actor, only_undecided=not over
        )
    return result


def _decided_on(found: Board, ids: list[int]) -> set[int]:
    """Those of many rationales on which a person has decided."""
    return {one for one in ids if (found.state_of(one) or State()).accepted is not None}


def _decide_one(settings: Settings, project: Project, arguments: Namespace, actor: str) -> Result:
    action, reason = arguments.action, arguments.reason or ""
    before = shown(settings, project, review.rule_of(project))
    rationale_id = arguments.rationale
    if rationale_id is None:
        question_id = review.mistake_numbered(settings, project, arguments.question)
        rationale_id = _written_by(before.board, question_id, arguments)
    one = written(before.board, rationale_id)
    if rationale_id not in before.board.row_of and action != "comment":
        raise BadInput(
            f"Rationale {rationale_id} is not complete ({one.finish}): it can be commented on, "
            "and not decided on."
        )
    about = ("question", one.question_id) if action == "favourite" else ("rationale", rationale_id)
    seen = before.revision(*about) if arguments.revision is None else arguments.revision
    item = (settings, project, rationale_id)
    match action:
        case "comment":
            deciding.comment(*item, actor=actor, text=_text(arguments) or "", reason=reason)
        case "favourite":
            deciding.pick_favourite(*item, actor=actor, revision=seen)
        case _:
            value = _text(arguments)
            deciding.decide(*item, action, actor=actor, revision=seen, value=value, reason=reason)
    after = shown(settings, project, before.rule)
    return {
        "action": action,
        "actor": actor,
        "question": after.number(one.question_id),
        "question_id": one.question_id,
        "revision": after.revision("question", one.question_id),
        "rationale": after.rationale(rationale_id),
    }


def _grade(settings: Settings, project: Project, arguments: Namespace, actor: str) -> Result:
    if arguments.answer is not None:
        answer = review.answer_numbered(settings, project, arguments.answer)
    else:
        question_id = review.mistake_numbered(settings, project, arguments.question)
        answer = review.answers_of(settings, project, [question_id])[question_id]
    graded = deciding.override_grade(
        settings,
        project,
        answer.id,
        GRADES.get(arguments.action),
        actor=actor,
        reason=arguments.reason or "",
    )
    return {
        "action": arguments.action,
        "actor": actor,
        "answer": graded.position + 1,
        "question_id": graded.question_id,
        "correct": graded.correct,
        "correct_by_rule": graded.rule_correct,
        "changed": graded.correct != answer.correct,
        "mistakes": len(board(settings, project).questions),
    }


def _undo_or_redo(settings: Settings, project: Project, action: str, actor: str) -> Result:
    step = deciding.undo if action == "undo" else deciding.redo
    done = step(settings, project, actor=actor)
    if done is None:
        raise BadInput(
            f"{actor} has nothing to {action} in {project.name}: --actor names who decided."
        )
    return {
        "action": action,
        "actor": actor,
        "of": done.action,
        "entries": done.entries,
        "question": shown(settings, project, review.rule_of(project)).number(done.question_id),
        "question_id": done.question_id,
    }


def _written_by(found: Board, question_id: int, arguments: Namespace) -> int:
    """The id of a teacher's rationale on a question. Raises BadInput when there is none."""
    if arguments.teacher not in found.authors:
        raise BadInput(
            f"There is no teacher '{arguments.teacher}' here: choose {', '.join(found.authors)}."
        )
    every: list[RationaleRow | Incomplete] = [*found.rows, *found.incomplete]
    wanted = (question_id, arguments.teacher)
    own = [one.id for one in every if (one.question_id, one.teacher) == wanted]
    if not own:
        raise BadInput(
            f"{arguments.teacher} has written no rationale on question {arguments.question} yet: "
            "`collect` asks for what is missing."
        )
    if len(own) > 1:
        raise BadInput(
            f"{arguments.teacher} has written {len(own)} rationales on question "
            f"{arguments.question}: name one by its id (--rationale), "
            f"{', '.join(map(str, own))}."
        )
    return own[0]


def _text(given: Namespace) -> str | None:
    """The text that was typed, or that of the file without its last line break."""
    if given.text_file is None:
        return None if given.text is None else str(given.text)
    try:
        return str(given.text_file.read_text(encoding="utf-8")).removesuffix("\n")
    except OSError as error:
        raise BadInput(
            f"Cannot read {given.text_file} ({error.strerror}): give a text file."
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{given.text_file} is not UTF-8 text: save it as UTF-8.") from error
