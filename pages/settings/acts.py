"""What owners asked for, in words: the audit has the names of the handlers that were called."""

from pages.languages import _

ACTS = {
    "shell.Shell._unfold": "opened the form for a new project",
    "shell.Shell._fold": "closed the form for a new project",
    "shell.Shell._make": "made a project",
    "committee.act": "changed a teacher",
    "committee.begin_with": "chose a committee",
    "committee.quote_again": "asked what the committee would cost",
    "committee.save": "saved a teacher",
    "committee.take_file": "took a committee from a file",
    "components.prompts_panel.wire.back": "went back to the default prompt",
    "components.prompts_panel.wire.keep": "changed a prompt",
    "exam.begin": "started an exam",
    "committee.begin": "started the committee",
    "training.begin": "started a training",
    "evaluation.tests.begin": "started a test",
    "evaluation.ablations.begin": "started an ablation",
    "evaluation.rounds.begin": "started rounds",
    "evaluation.rounds.teach": "went on to the next round",
    "evaluation.try_it.begin": "asked a student",
    "evaluation.try_it.act": "stopped or removed a question to a student",
    "components.second_stage.SecondStage.wire.begin": "started a second stage",
    "components.mentor_section.MentorSection.wire.train": "started a mentor’s training",
    "components.mentor_section.MentorSection.wire.test": "started a mentor’s test",
    "components.mentor_section.MentorSection.wire.augment": "had the mentor write rationales",
    "components.checkpoints.checkpoint_list.merge": "merged a checkpoint",
    "components.checkpoints.checkpoint_list.resume": "resumed a run",
    "components.checkpoints.checkpoint_list.export": "wrote a GGUF file",
    "components.job_panel.job_panel.cancel": "cancelled a job",
    "components.job_panel.job_panel.forsake": "gave a job up",
    "components.job_panel.job_panel.resume": "resumed a job",
    "components.waiting.waiting_list.order": "changed the queue",
    "components.saved_file.saves.written": "saved a file",
    "components.publishing.Publishing.wire.begin": "pushed to the hub",
    "components.publishing.Publishing.wire.forget": "forgot the hub’s token",
    "settings.running.running_list.cancel": "cancelled a job",
    "settings.backups.Backups.__init__.make": "asked for a backup",
    "settings.exporting.Exporting.__init__.begin": "exported everything",
}
"""By the handler's name in pages/access.py."""


def act_in_words(what: str) -> str:
    """What somebody did; a handler without words is called by its name."""
    return _(ACTS.get(what, what))
