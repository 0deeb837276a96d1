// Paint the job as text. The markup stays, so that an open log stays open while lines arrive.
const find = (selector) => element.querySelector(selector);
const write = (selector, words) => {
  const node = find(selector);
  if (node.textContent !== words) node.textContent = words;
  node.hidden = !words;
};
let painted = {};
const paint = () => {
  const job = props.value || {};
  // Answers overtake one another: a job that ended is not painted at work again by one that was late.
  if (job.id === painted.id && job.read_at < painted.read_at) return;
  painted = job;
  const section = find('.job');
  section.hidden = !job.id;
  if (!job.id) return;
  section.dataset.state = job.kind;
  section.setAttribute('aria-label', job.title);
  write('.state', job.state);
  write('.stage', job.stage);
  write('.count', job.count);
  write('.left', job.left);
  write('.fault', job.error);
  write('.log pre', job.log);
  find('.log').hidden = !job.log;
  const working = job.kind === 'running' || job.kind === 'queued';
  const bar = find('.bar');
  bar.hidden = !working && job.kind !== 'interrupted' && job.kind !== 'cancelled';
  bar.classList.toggle('unknown', working && job.progress === null);
  const share = Math.round(100 * (job.progress || 0));
  bar.firstElementChild.style.width = share + '%';
  bar.setAttribute('aria-valuenow', share);
  find('.cancel').textContent = job.cancel_label;
  find('.resume').textContent = job.resume_label;
  find('.cancel').hidden = !job.cancel;
  find('.resume').hidden = !job.resume;
  giveUp.hidden = !job.give_up;
  if (giveUp.hidden) calm(); // the next job to be given up is asked about anew
};
// What cannot be taken back is pressed twice.
const giveUp = find('.give-up');
let sure = 0;
const calm = () => {
  clearTimeout(sure);
  sure = 0;
  giveUp.textContent = fairWords`Give up`;
};
giveUp.addEventListener('click', () => {
  if (sure) {
    calm();
    trigger('give_up', {job: props.value.id});
    return;
  }
  giveUp.textContent = fairWords`Give up for good?`;
  sure = setTimeout(calm, 5000);
});
giveUp.title = fairWords`Nobody goes on with it: what is unfinished is removed, and its names are free`;
find('.cancel').addEventListener('click', () => trigger('cancel', {job: props.value.id}));
find('.resume').addEventListener('click', () => trigger('resume', {job: props.value.id}));
watch('value', paint);
paint();
