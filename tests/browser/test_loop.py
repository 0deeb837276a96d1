"""The whole loop as a person would go through it, with the real student, and a server's crash."""

import pytest

from tests.browser.filling import fill
from tests.wire.server import Server as Wire

pytestmark = pytest.mark.browser

TOKENS = "48"
ENDED = ", ".join(f"[data-state={state}]" for state in ("succeeded", "failed", "interrupted"))


def job_done(page, kind, seconds):
    job = page.locator(f"#job-{kind} .job:is({ENDED})")
    job.wait_for(timeout=1000 * seconds)
    assert job.get_attribute("data-state") == "succeeded", job.inner_text()


def more(page, tab, title="More settings"):
    page.click(f"#tab-{tab} .more > button:has-text('{title}')")


@pytest.mark.model
@pytest.mark.timeout(900)
def test_from_exam_to_comparison(page, model_server, watched):
    page.goto(model_server.url)
    page.click("text=Set up the exam")

    fill(page, "exam-questions", "6")
    more(page, "exam", "How it answers")
    fill(page, "exam-tokens", TOKENS)
    page.click("#exam-start")
    page.wait_for_selector("#job-exam .job[data-state=running]")
    job_done(page, "exam", 240)
    page.wait_for_function("document.querySelectorAll('#exam-answers .answer').length === 6")
    page.wait_for_selector("#exam-numbers .chart .band")
    assert "of 6 questions" in page.inner_text("#exam-numbers")
    mistakes = page.locator("#exam-answers .verdict.wrong").count()
    assert mistakes > 0

    page.click("#tab-committee-button")
    page.wait_for_selector("#committee-quote .stats")
    assert f"{12 * mistakes}" in page.inner_text("#committee-quote")
    assert page.locator("#committee-cards .tag:has-text('simulated')").count() == 3
    page.click("#committee-start")
    page.click("text=Review the rationales", timeout=60_000)

    page.wait_for_selector("#review-card .column")
    page.keyboard.press("1")
    page.keyboard.press("a")
    page.wait_for_selector("#review-card .column >> nth=0 >> text=Accepted")

    page.click("#tab-training-button")
    page.wait_for_selector("#training-preview .stats")
    fill(page, "training-name", "by-hand")
    more(page, "training")
    fill(page, "training-steps", "2")
    fill(page, "training-batch", "2")
    page.click("#training-start")
    job_done(page, "train", 240)
    page.wait_for_selector("#training-curves .chart")
    page.wait_for_selector("#training-checkpoints >> text=by-hand")

    page.click("#tab-evaluation-button")
    more(page, "evaluation")
    fill(page, "evaluation-items", "4")
    fill(page, "evaluation-tokens", TOKENS)
    for student in ("smollm2-135m", "checkpoint:by-hand"):
        page.click("#evaluation-student input")
        page.click(f"#evaluation-student [role=option]:has-text('{student}')")
        page.click("#evaluation-start")
        page.wait_for_selector(
            f"#evaluation-scores li:has-text('{student}'):has-text('of 4')", timeout=240_000
        )
        job_done(page, "evaluate", 240)
    page.click("#evaluation-subpages a:has-text('Compare')")
    page.wait_for_selector("#evaluation-comparison .stats")
    assert "McNemar" in page.inner_text("#evaluation-comparison") or (
        "No answer changed" in page.inner_text("#evaluation-comparison")
    )

    page.click("#tab-overview-button")
    page.wait_for_selector(".path li.done >> nth=4")
    assert page.locator(".path li.done").count() == 5
    assert watched.errors == []
    assert watched.foreign == []


def test_a_killed_server_loses_nothing(page, serve):
    """The job is a process of its own: it goes on, and the next server finds it at work."""
    server = serve()
    there = f"{server.url}/?project=demo&tab=exam"
    with Wire(reply="The answer is 7.") as wire:
        wire.holds = lambda _: wire.answered.total() >= 4
        page.goto(there)
        page.wait_for_selector("#exam-start")
        fill(page, "exam-questions", "12")
        more(page, "exam", "A student behind a server")
        fill(page, "exam-server", f"{wire.url}/v1")
        fill(page, "exam-served-model", "some-model")
        page.click("#exam-start")
        page.wait_for_function("document.querySelectorAll('#exam-answers .answer').length >= 4")
        server.kill()
        # An open tab reloads by itself once the server answers, and would break a reload of ours.
        page.goto("about:blank")
        server.start()

        page.goto(there)
        page.wait_for_selector("#exam-answers .answer")
        page.wait_for_selector("#job-exam .job[data-state=running]")
        wire.holds = lambda _: False
        job_done(page, "exam", 240)
        assert set(wire.answered.values()) == {1}
    page.wait_for_function("document.querySelectorAll('#exam-answers .answer').length === 12")
    page.wait_for_selector("#exam-numbers >> text=of 12 questions")
