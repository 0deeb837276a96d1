"""The whole loop as a person would go through it, with the real student, by clicks and keys."""

import pytest

from tests.browser.filling import fill

pytestmark = [pytest.mark.browser, pytest.mark.model]

TOKENS = "48"
ENDED = ", ".join(f"[data-state={state}]" for state in ("succeeded", "failed", "interrupted"))


def job_done(page, kind, seconds):
    job = page.locator(f"#job-{kind} .job:is({ENDED})")
    job.wait_for(timeout=1000 * seconds)
    assert job.get_attribute("data-state") == "succeeded", job.inner_text()


def more(page, tab, title="More settings"):
    page.click(f"#tab-{tab} .more > button:has-text('{title}')")


@pytest.mark.timeout(900)
def test_from_exam_to_comparison(page, model_server, watched):
    page.goto(model_server.url)
    page.click("text=Set up the exam")

    fill(page, "exam-questions", "12")
    more(page, "exam", "How it answers")
    fill(page, "exam-tokens", TOKENS)
    page.click("#exam-start")
    page.wait_for_selector("#job-exam .job[data-state=running]")
    job_done(page, "exam", 240)
    page.wait_for_function("document.querySelectorAll('#exam-answers .answer').length === 12")
    page.wait_for_selector("#exam-numbers .chart .band")
    assert "of 12 questions" in page.inner_text("#exam-numbers")
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
    fill(page, "evaluation-items", "8")
    fill(page, "evaluation-tokens", TOKENS)
    for student in ("smollm2-135m", "checkpoint:by-hand"):
        page.click("#evaluation-student input")
        page.click(f"#evaluation-student [role=option]:has-text('{student}')")
        page.click("#evaluation-start")
        page.wait_for_selector(
            f"#evaluation-scores li:has-text('{student}'):has-text('of 8')", timeout=240_000
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


@pytest.mark.timeout(600)
def test_a_killed_server_loses_nothing(page, model_server):
    page.goto(f"{model_server.url}/?project=demo&tab=exam")
    page.wait_for_selector("#exam-start")
    fill(page, "exam-questions", "12")
    more(page, "exam", "How it answers")
    fill(page, "exam-tokens", TOKENS)
    page.click("#exam-start")
    page.wait_for_selector("#job-exam .job[data-state=running]")
    page.wait_for_selector("#exam-answers .answer", timeout=240_000)
    model_server.kill()
    # An open tab reloads by itself once the server answers, and would break a reload of ours off.
    page.goto("about:blank")
    model_server.start()

    page.goto(f"{model_server.url}/?project=demo&tab=exam")
    page.wait_for_selector("#exam-answers .answer")
    # The job is a process of its own: it goes on, or it is offered for resuming.
    page.wait_for_selector(
        "#job-exam .job:is([data-state=succeeded], [data-state=interrupted])", timeout=240_000
    )
    if page.is_visible("#job-exam .resume"):
        page.click("#job-exam .resume")
        job_done(page, "exam", 240)
    page.wait_for_function("document.querySelectorAll('#exam-answers .answer').length === 12")
    page.wait_for_selector("#exam-numbers >> text=of 12 questions")
