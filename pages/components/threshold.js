// The threshold's consequences, recomputed here while the slider moves. The rule is that of
// fair_app.curation.acceptance, on the same numbers: a level is the mean that Python computed, and
// a rationale is accepted when its level is strictly greater. The server has the last word.
const ALWAYS = 6, NEVER = -1, ABSENT = -2, STEPS = 51;
const find = (selector) => element.querySelector(selector);
const slider = find('#threshold-slider');
const whole = new Intl.NumberFormat('en-US');
const at = (step) => Number((step / 10).toFixed(1));

let means = new Float64Array(0);      // a cell a teacher a question; NEVER: no score counts
let levels = new Float64Array(0);     // what a threshold is compared with
let right = new Int8Array(0);         // 1 right, 0 wrong, -1 not graded
let teachers = [];
let loaded = null;
let reloading = false;

const level = (mean, decided) => (decided === null ? mean : decided ? ALWAYS : NEVER);

const load = () => {
  const scores = props.value || {};
  if (!scores.teachers || scores === loaded) return;
  loaded = scores;
  teachers = scores.teachers;
  const cells = scores.right ? scores.cells.split(',') : [];
  means = Float64Array.from(cells, (cell) => (cell === '' ? ABSENT : scores.means[cell] ?? NEVER));
  levels = means.slice();
  right = Int8Array.from(scores.right, (mark) => (mark === '?' ? -1 : Number(mark)));
  for (const [cell, decided] of scores.decided) levels[cell] = level(means[cell], decided);
  slider.value = scores.threshold;
  layOutTeachers();
  drawCurve();
  show();
  say('');
};

const count = (threshold) => {
  const found = {
    rationales: 0, accepted: 0, questions: 0, questions_accepted: 0,
    kept: 0, kept_of: 0, rejected: 0, rejected_of: 0,
    per_teacher: teachers.map(() => [0, 0]),
  };
  const width = teachers.length;
  for (let start = 0; start < levels.length; start += width) {
    let written = false, kept = false;
    for (let teacher = 0; teacher < width; teacher++) {
      const cell = start + teacher;
      if (levels[cell] === ABSENT) continue;
      const accepted = levels[cell] > threshold;
      written = true;
      found.rationales++;
      found.per_teacher[teacher][1]++;
      if (accepted) {
        kept = true;
        found.accepted++;
        found.per_teacher[teacher][0]++;
      }
      if (right[cell] >= 0) {
        found[accepted ? 'kept_of' : 'rejected_of']++;
        found[accepted ? 'kept' : 'rejected'] += right[cell];
      }
    }
    found.questions += written;
    found.questions_accepted += kept;
  }
  return found;
};

const write = (name, words) => { find(`[data-count="${name}"]`).textContent = words; };
const percent = (part, all) => (all ? (100 * part / all).toFixed(1) + ' %' : '–');

const show = () => {
  const threshold = Number(slider.value);
  const found = count(threshold);
  find('.dial-value').textContent = threshold.toFixed(1);
  slider.style.setProperty('--filled', `${threshold * 20}%`);
  slider.setAttribute('aria-valuetext',
    `${threshold.toFixed(1)}: ${found.accepted} of ${found.rationales} rationales accepted`);
  write('accepted', whole.format(found.accepted));
  write('rationales', `of ${whole.format(found.rationales)}`);
  write('questions_accepted', whole.format(found.questions_accepted));
  write('questions', `of ${whole.format(found.questions)}`);
  write('kept', percent(found.kept, found.kept_of));
  write('kept_of', found.kept_of ? `of ${whole.format(found.kept_of)}` : 'none');
  write('rejected', percent(found.rejected, found.rejected_of));
  write('rejected_of', found.rejected_of ? `of ${whole.format(found.rejected_of)}` : 'none');
  found.per_teacher.forEach(([accepted, all], teacher) => {
    const row = find('.by-teacher tbody').children[teacher];
    row.children[1].textContent = `${whole.format(accepted)} of ${whole.format(all)}`;
    row.querySelector('i').style.width = (all ? 100 * accepted / all : 0) + '%';
  });
  const present = find('line.present');
  present.setAttribute('x1', threshold * 200);
  present.setAttribute('x2', threshold * 200);
  return found;
};

const layOutTeachers = () => {
  find('.by-teacher tbody').replaceChildren(...teachers.map((name) => {
    const row = document.createElement('tr');
    const head = document.createElement('th');
    head.scope = 'row';
    head.textContent = name;
    const share = document.createElement('td');
    share.className = 'share';
    share.append(document.createElement('i'));
    row.append(head, document.createElement('td'), share);
    return row;
  }));
};

// Both shares at every position of the slider, over a histogram of the means.
const drawCurve = () => {
  const points = Array.from({length: STEPS}, (_, step) => count(at(step)));
  const line = (part, all) => points.map((point, step) => {
    const y = 98 - 96 * point[part] / Math.max(1, point[all]);
    return step ? `H${step * 20}V${y.toFixed(2)}` : `M0 ${y.toFixed(2)}`;
  }).join('');
  find('path.rationales').setAttribute('d', line('accepted', 'rationales'));
  find('path.questions').setAttribute('d', line('questions_accepted', 'questions'));
  const bins = new Array(21).fill(0);
  for (const mean of means) if (mean >= 0) bins[Math.round(mean * 4)]++;
  const highest = Math.max(1, ...bins);
  find('g.bars').replaceChildren(...bins.flatMap((bin, place) => {
    if (!bin) return [];
    const bar = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    const height = Math.max(1.5, 96 * bin / highest);
    const left = Math.max(0, place * 50 - 14), end = Math.min(1000, place * 50 + 14);
    for (const [name, value] of
      [['x', left], ['width', end - left], ['y', 100 - height], ['height', height]]) {
      bar.setAttribute(name, value);
    }
    return [bar];
  }));
};

const say = (words) => { find('.dial-state').textContent = words; };
const announce = () => document.dispatchEvent(
  new CustomEvent('fair:threshold', {detail: Number(slider.value)}));
const reload = () => {
  if (reloading) return;
  reloading = true;
  setTimeout(() => { reloading = false; }, 3000);
  trigger('reload');
};

// One position is on its way at a time, and then the slider's newest: Gradio's `always_last` would
// send the data of an older event again.
let serial = 0;
let pending = null;
const PATIENCE_MS = 15000;
const commit = () => {
  say('Saving…');
  if (pending) return;
  serial += 1;
  pending = {
    serial,
    patience: setTimeout(() => {
      pending = null;
      say('The server did not answer: move the slider again.');
    }, PATIENCE_MS),
  };
  trigger('commit', {threshold: Number(slider.value), serial});
};

// What the server saved and counted; when it counts otherwise, the scores here are old.
const settle = () => {
  const saved = props.saved;
  if (!saved || saved.serial !== pending?.serial) return;
  clearTimeout(pending.patience);
  pending = null;
  if (saved.threshold !== Number(slider.value)) {
    commit();
    return;
  }
  say(`Saved: ${saved.threshold.toFixed(1)}`);
  const found = show();
  const same = ['rationales', 'accepted', 'questions', 'questions_accepted', 'kept', 'kept_of',
    'rejected', 'rejected_of'].every((name) => found[name] === saved[name]);
  if (!same) reload();
};

// A card shows its decisions and means (NEVER and ABSENT as here): what changed there changes here.
const onCard = (event) => {
  if (!element.isConnected) {
    document.removeEventListener('fair:card', onCard);
    return;
  }
  const {position, total, threshold, columns} = event.detail;
  const start = position * teachers.length;
  const known = total * teachers.length === levels.length && columns.length === teachers.length
    && columns.every(({mean}, teacher) => mean === means[start + teacher]);
  if (!known) {
    if (loaded) reload();
    return;
  }
  const now = columns.map(({mean, decided}) => level(mean, decided));
  const changed = now.some((value, teacher) => value !== levels[start + teacher]);
  const moved = !pending && document.activeElement !== slider && threshold !== Number(slider.value);
  if (moved) slider.value = threshold;
  if (changed) {
    levels.set(now, start);
    drawCurve();
  }
  if (changed || moved) show();
};

slider.addEventListener('input', () => {
  show();
  announce();
});
slider.addEventListener('change', commit);
// After dragging, the arrow keys are the card's again; who came by keyboard keeps the slider.
slider.addEventListener('pointerup', () => slider.blur());
document.addEventListener('fair:card', onCard);
watch('value', load);
watch('saved', settle);
load();
