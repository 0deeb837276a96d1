"""A project as large as one likes, for benchmarks: mistakes with all that a committee wrote."""

import random

from db import calls, committee, exams, projects
from db.projects import Project
from db.store import connect, writing
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.tasks.base import Question

COMMON = ["first", "we", "add", "the", "apples", "of", "both", "baskets", "then", "take", "away"]
WORDS = COMMON * 40 + [f"word{number}" for number in range(3000)]
LENGTHS = {"answer": 80, "rationale": 90, "feedback": 60, "review": 40}
"""Words of each kind of text: about as many as in the published SVAMP run."""


def fill(settings: Settings, questions: int, teachers: int) -> Project:
    """A project with this many mistakes, each with the whole committee's work on it.

    The texts are random words, the scores 1 to 5, half of the rationales end in the right answer.
    """
    store = connect(settings.database)
    chance = random.Random(0)

    def text(kind: str) -> str:
        return " ".join(chance.choices(WORDS, k=LENGTHS[kind]))

    with writing(store):
        project = projects.add(store, "benchmark", "arithmetic", "none")
        asked = (
            Question(f"Question {number}: how many {text('review')}?", str(number), str(number))
            for number in range(questions)
        )
        ids = store_questions(store, project.id, "arithmetic", "train", asked)
        exam_id = exams.add(
            store,
            project.id,
            purpose="exam",
            student="none",
            task="arithmetic",
            split="train",
            settings={},
            question_ids=ids,
        )
        for row in exams.unanswered(store, exam_id):
            answer = {"text": text("answer"), "prediction": "0", "correct": 0}
            exams.save_answer(store, row.id, answer)
        members = [
            {"name": name, "origin": "imported", "simulated": 0, "spec": {}, "spec_hash": ""}
            for name in (f"teacher {place}" for place in range(1, teachers + 1))
        ]
        committee.set_committee(store, project.id, members)
        call = calls.add_imported(
            store,
            {
                "key": "all",
                "teacher": "all",
                "provider": "imported",
                "model": "none",
                "role": "rationale",
            },
        )
        authors = committee.teachers(store, project.id)
        for answer in exams.answers(store, exam_id, "wrong"):
            for author in authors:
                written = {"teacher_id": author.id, "call_id": call, "finish": "complete"}
                rationale_id = committee.add_rationale(
                    store,
                    {
                        **written,
                        "question_id": answer.question_id,
                        "text": text("rationale"),
                        "prediction": "0",
                        "correct": chance.randint(0, 1),
                    },
                )
                feedback = {**written, "answer_id": answer.id, "text": text("feedback")}
                committee.add_feedback(store, feedback)
                for peer in authors:
                    if peer.id != author.id:
                        committee.add_review(
                            store,
                            {
                                "rationale_id": rationale_id,
                                "reviewer_id": peer.id,
                                "call_id": call,
                                "text": text("review"),
                                "score": chance.randint(1, 5),
                            },
                        )
        projects.set_exam(store, project.id, exam_id, "none")
    return projects.get(store, project.id)
